"""Records: written, opened, paired, augmented and batched."""
