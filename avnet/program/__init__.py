"""What all programs share: arguments, progress, refusals as exit codes, what XLA has compiled."""
