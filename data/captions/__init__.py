"""Corpora of images with captions that people wrote."""
