"""Mel spectra to samples by an invertible network."""
