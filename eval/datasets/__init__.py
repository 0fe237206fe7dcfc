"""What there is of a published dataset, and what is missing."""
