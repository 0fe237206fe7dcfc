"""Making a describer small, so that it can be carried along."""
