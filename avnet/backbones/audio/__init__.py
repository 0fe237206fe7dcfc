"""Backbones for sound: a family by one protocol, with a registry."""
