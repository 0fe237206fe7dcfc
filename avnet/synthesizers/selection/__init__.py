"""Selection: pieces of recordings, joined."""
