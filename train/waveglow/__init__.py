"""Training of vocoders of mel spectra that are invertible."""
