"""Which gateway a message takes."""
