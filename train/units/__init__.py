"""Learning speech units and their lexicon."""
