"""How close spoken descriptions come to what people wrote: metrics of words, as the field prints them.

Conventions: both sides pass through `avnet.units.words.words`; a share is in [0, 1], CIDEr-D in [0, 10], all higher is
better except error rates. `references[i]` are the sentences that any of which `hypotheses[i]` may say.
"""

from eval.spoken.captions.edits import edits, unit_error_rate, word_error_rate
from eval.spoken.captions.meteor import meteor
from eval.spoken.captions.ngrams import bleu, cider_d
from eval.spoken.captions.rouge import rouge_l
from eval.spoken.captions.scores import caption_scores
from eval.spoken.captions.words import distinct, vocabulary

__all__ = [
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
]
