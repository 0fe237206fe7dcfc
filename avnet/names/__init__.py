"""Names of the classes that public classifiers score, and the groups that join those of images with those of sounds."""
