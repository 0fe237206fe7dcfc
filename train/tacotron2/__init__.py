"""Training of Tacotron 2: voices that find out by attention how long each unit lasts."""
