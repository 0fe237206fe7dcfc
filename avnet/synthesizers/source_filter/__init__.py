"""A voice as pulses and noise through a filter: what a network can predict frame by frame, and how it sounds."""
