"""Training of WaveNet-VQ: units from which speech can be said again."""
