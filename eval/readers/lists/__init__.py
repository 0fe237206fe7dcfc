"""Lists of published datasets: which clips there are, of which classes, in which split."""
