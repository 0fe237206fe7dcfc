"""Units with known durations to the parameters of frames, without attention."""
