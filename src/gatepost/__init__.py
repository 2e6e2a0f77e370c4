"""Gatepost: many SMS providers behind one console and one API."""
