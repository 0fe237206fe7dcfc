"""Readers of captions as they are published: one file a form."""
