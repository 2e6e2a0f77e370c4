"""What comes back: inbound messages."""
