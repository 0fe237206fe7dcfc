"""Descriptions as claims about objects, attributes and relations, and how many of them people make too."""

from eval.captions.tuples.parse import tuples
from eval.captions.tuples.score import tuple_f, tuple_scores

__all__ = ["tuple_f", "tuple_scores", "tuples"]
