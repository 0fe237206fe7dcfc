"""`python -m eval speed`: how fast training and use are, beside PyTorch and the machine's own limit."""
