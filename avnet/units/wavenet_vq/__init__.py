"""WaveNet-VQ: the codes from which a network must say speech again, as units."""
