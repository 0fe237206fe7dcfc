"""Training taggers."""
