"""Training vocoders."""
