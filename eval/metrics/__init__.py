"""Metrics as pure functions of NumPy arrays; nothing here knows a model or a file."""
