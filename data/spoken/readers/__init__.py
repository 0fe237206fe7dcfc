"""Readers of corpora of images with spoken descriptions, as they are published."""
