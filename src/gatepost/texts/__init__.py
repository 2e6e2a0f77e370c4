"""What is written, and for whom: templates, their language, and the values that a contact fills in."""
