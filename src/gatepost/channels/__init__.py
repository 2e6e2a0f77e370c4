"""The ways by which campaigns reach people: one contract (base.py), a module for each way."""
