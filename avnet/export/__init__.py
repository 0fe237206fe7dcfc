"""Trained networks as files that run without this package: artefacts of `jax.export`, or ONNX graphs."""
