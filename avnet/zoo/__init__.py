"""Models by reference: a path, the name of one that comes with avnet, or an address on the Hugging Face Hub."""
