"""Speech as strings of learned units, without text."""
