"""What keeps an index in order: which contents it knows, small segments, and what a killed process left."""
