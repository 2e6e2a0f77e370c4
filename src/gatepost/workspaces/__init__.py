"""Tenants, users, roles, API keys, audit."""
