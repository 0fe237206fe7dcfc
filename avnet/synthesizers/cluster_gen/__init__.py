"""Units to the parameters of frames by trees, as ClusterGen does for phones."""
