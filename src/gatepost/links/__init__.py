"""Short links: one code for each recipient, and how often each was opened."""
