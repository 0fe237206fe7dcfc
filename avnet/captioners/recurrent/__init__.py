"""Captioners whose memory is an LSTM, one file a network."""
