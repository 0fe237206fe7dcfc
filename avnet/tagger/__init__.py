"""Words for images: how probable each is, and where in the image it is seen."""
