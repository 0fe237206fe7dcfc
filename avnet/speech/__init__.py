"""Speech without text: strings of learned units."""
