"""Descriptions of images: spoken by a describer of units, or written by one of words, whose text can be spoken too."""
