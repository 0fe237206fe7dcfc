"""Networks that turn images into grids of features: a family by one protocol, with a registry."""
