"""Mass sending: who gets what, seen before and after, and the running of it."""
