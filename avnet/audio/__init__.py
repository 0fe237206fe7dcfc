"""Waveforms and what is computed from them: spectrograms, cepstra, the Fourier transform and its inverse."""
