"""Messages: accept, store, state machine, receipts, suppressions, log."""
