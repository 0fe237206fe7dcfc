"""Captioners made of attention, one file a network."""
