"""The images and sounds most like an image or a sound."""
