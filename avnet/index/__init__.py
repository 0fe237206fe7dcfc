"""Search by cosine, in a folder that is whole at every moment."""
