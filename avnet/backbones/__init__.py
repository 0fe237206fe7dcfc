"""Networks that turn images into grids of features and sounds into vectors: families by a protocol and a registry."""
