"""Training of frame models: voices that say units with known durations."""
