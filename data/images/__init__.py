"""Images that are described, in speech or writing: stored small, listed, and what networks see in them."""
