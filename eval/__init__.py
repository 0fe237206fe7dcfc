"""Metrics and benchmarks of audio-visual correspondence, each printed beside chance and trivial baselines."""
