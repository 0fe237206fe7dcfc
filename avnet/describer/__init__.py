"""Pictures to unit strings: the networks, their memory of a picture and of retrieved descriptions, and the search."""
