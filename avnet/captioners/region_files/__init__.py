"""Regions of images that a detector found, with their boxes and features, in the files that people have of them."""
