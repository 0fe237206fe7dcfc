"""Functions of JAX as ONNX graphs: their jaxpr, operation by operation, where all shapes are known."""
