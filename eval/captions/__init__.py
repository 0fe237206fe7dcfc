"""Descriptions in words, written or recognised in speech: metrics, and the program that compares describers.

The metrics are exported here; `python -m eval captions` is `eval.captions.program`.
"""

from eval.captions.metrics import (
    CiderD,
    bleu,
    caption_scores,
    cider_d,
    distinct,
    edits,
    meteor,
    rouge_l,
    unit_error_rate,
    vocabulary,
    word_error_rate,
    words,
)

__all__ = [
    "CiderD",
    "bleu",
    "caption_scores",
    "cider_d",
    "distinct",
    "edits",
    "meteor",
    "rouge_l",
    "unit_error_rate",
    "vocabulary",
    "word_error_rate",
    "words",
]
