"""How soon `avnet serve` answers, to one and to many, and what it holds."""
