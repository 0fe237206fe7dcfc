"""What Tacotron 2 is trained on."""
