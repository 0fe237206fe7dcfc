"""Images to unit strings: the networks, their memory of an image and of retrieved descriptions, and the search."""
