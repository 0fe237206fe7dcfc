"""Archives embedded by many processes or machines."""
