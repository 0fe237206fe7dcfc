"""AVE-Net, AVOL-Net and L3-Net: networks, losses, and a trained model in use."""
