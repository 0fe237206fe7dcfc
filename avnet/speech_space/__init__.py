"""The shared space of images and spoken descriptions."""
