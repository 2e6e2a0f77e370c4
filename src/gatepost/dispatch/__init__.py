"""The engine: claim, intent, submit, record; pacing, retry, expiry, recovery."""
