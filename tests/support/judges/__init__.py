"""Other people's implementations, or the plainest ones, that networks and losses are compared with."""
