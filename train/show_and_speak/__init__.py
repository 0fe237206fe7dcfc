"""Training of Show and Speak: spectra from images, without units in between; a baseline."""
