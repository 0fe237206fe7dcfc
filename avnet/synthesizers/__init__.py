"""Units to speech: by selection of recordings, from mean spectra, by a network; and words, by flite."""
