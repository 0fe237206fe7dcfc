"""What is done with all of an index of an archive: its files, their states and rejects, and all of its rows."""
