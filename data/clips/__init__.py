"""Composing videos whose truth is known, from images and sounds."""
