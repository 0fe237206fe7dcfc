"""Images to mel spectra without units in between: Show and Speak, a baseline."""
