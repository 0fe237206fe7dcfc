"""Tokens to mel spectra by a recurrent network with attention: Tacotron 2."""
