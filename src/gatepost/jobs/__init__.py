"""Background jobs on PostgreSQL: what takes longer than a request may. See app.py for how a slice has some."""
