"""Training AVE-Net, AVOL-Net and L3-Net."""
