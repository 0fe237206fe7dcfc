"""Layers without a purpose of their own."""
