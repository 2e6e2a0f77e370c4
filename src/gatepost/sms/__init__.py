"""The language of the field, pure: numbers, text, states, outcomes."""
