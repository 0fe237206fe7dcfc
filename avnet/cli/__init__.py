"""The command `avnet`, and the frame that all programs of the project share."""
