"""Training the shared space of images and speech."""
