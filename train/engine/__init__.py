"""One loop for all that is trained: devices, checkpoints, metrics, the best state on validation."""
