"""Files and folders that are written whole, read with suspicion, and refused in one line."""
