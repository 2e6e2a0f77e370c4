"""What each provider says on the wire: pure, sans-I/O, one module per provider, found by discovery (see registry)."""
