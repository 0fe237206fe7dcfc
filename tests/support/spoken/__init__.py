"""Small spoken corpora and what is trained on them once for many tests."""
