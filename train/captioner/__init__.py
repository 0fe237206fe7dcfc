"""Training captioners."""
