"""Networks as ONNX graphs, by hand: an operator for each step, a file for each family of networks."""
