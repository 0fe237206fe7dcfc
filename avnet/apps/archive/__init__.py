"""What an index of an archive needs to know of its files: their states, what has changed, and which cannot be read."""
