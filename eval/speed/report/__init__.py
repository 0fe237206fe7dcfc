"""Tables, plots, targets and comparisons of a run."""
