"""Corpora: composing videos, preparing records, loading batches. Programs of the checkout, not of the wheel."""
