"""What a linear classifier can tell by the vectors of sounds."""
