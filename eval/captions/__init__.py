"""Descriptions in words, written or recognised in speech: metrics, and the program that compares describers.

The metrics are exported here; `python -m eval captions` is `eval.captions.program`.
"""

from avnet.consensus.cider import CiderD
from eval.captions.metrics.attention import AttentionCorrectness, attention_correctness, evenness
from eval.captions.metrics.bleu import bleu, bleu_counts, bleu_of_counts
from eval.captions.metrics.cider import cider_d, cider_d_scores
from eval.captions.metrics.diversity import (
    bad_ends,
    distinct,
    distinct_n,
    mean_length,
    repeating,
    self_cider,
    vocabulary,
)
from eval.captions.metrics.edits import (
    edits,
    phone_error_chance,
    phone_error_of_people,
    phone_error_rate,
    unit_error_rate,
    word_error_rate,
)
from eval.captions.metrics.meteor import meteor
from eval.captions.metrics.rouge import rouge_l
from eval.captions.metrics.scores import caption_scores
from eval.captions.metrics.tags import TagPrecision, tag_precision
from eval.captions.tuples import tuple_f, tuple_scores, tuples

__all__ = [
    "AttentionCorrectness",
    "CiderD",
    "TagPrecision",
    "attention_correctness",
    "bad_ends",
    "bleu",
    "bleu_counts",
    "bleu_of_counts",
    "caption_scores",
    "cider_d",
    "cider_d_scores",
    "distinct",
    "distinct_n",
    "edits",
    "evenness",
    "mean_length",
    "meteor",
    "phone_error_chance",
    "phone_error_of_people",
    "phone_error_rate",
    "repeating",
    "rouge_l",
    "self_cider",
    "tag_precision",
    "tuple_f",
    "tuple_scores",
    "tuples",
    "unit_error_rate",
    "vocabulary",
    "word_error_rate",
]
