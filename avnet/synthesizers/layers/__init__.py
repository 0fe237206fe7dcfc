"""Layers that several synthesizers share."""
