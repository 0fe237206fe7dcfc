"""Captioners as two functions that run without this package: `encode`, once an image, and `step`, once a token."""
