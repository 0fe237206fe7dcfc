"""What networks see of a moment of video: an image, the frames about it, or its motion."""
