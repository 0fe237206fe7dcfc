"""The synthesizer flite, run as a program, and what speaks by it."""
