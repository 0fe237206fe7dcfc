"""Does this second of sound belong to this image?"""
