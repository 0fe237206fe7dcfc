"""Readers of published annotations and of composed truth; what cannot be found is named, not dropped."""
