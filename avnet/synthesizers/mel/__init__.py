"""Log-mel spectra: of units on average, and to samples."""
