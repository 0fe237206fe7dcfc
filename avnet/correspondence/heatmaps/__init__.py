"""Heatmaps: how often an image is looked at for one, and those of each thing that is audible."""
