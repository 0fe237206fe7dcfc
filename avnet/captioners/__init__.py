"""Networks that describe an image as a string of units, pieces or words, and the search over what they predict."""
