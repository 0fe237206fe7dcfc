"""What descriptions have in common: runs of words, pieces or units."""
