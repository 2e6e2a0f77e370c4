"""Contacts: customers and leads, their fields, lists, segments, documents, imports."""
