"""Networks that turn images into grids of features."""
