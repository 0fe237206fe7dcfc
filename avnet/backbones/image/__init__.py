"""Backbones for images whose ImageNet weights are public."""
