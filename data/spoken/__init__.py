"""Corpora of images with spoken descriptions.

What training on speech reads has no text; texts, where a corpus has any, are in `data.spoken.readers.texts`, for
evaluation and for `data.captions`.
"""
