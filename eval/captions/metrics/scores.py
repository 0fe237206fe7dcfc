"""All metrics of descriptions at once."""

from collections.abc import Sequence

from eval.captions.metrics.bleu import bleu
from eval.captions.metrics.cider import cider_d
from eval.captions.metrics.diversity import distinct, vocabulary
from eval.captions.metrics.meteor import meteor
from eval.captions.metrics.rouge import rouge_l
from eval.captions.tuples.score import tuple_f


def caption_scores(hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, float]:
    """Every metric by the name that tables print.

    Args:
        hypotheses: one sentence for each image, as written or as recognised in speech.
        references: the sentences that people wrote of the image, one or more.

    Returns:
        BLEU-1 to BLEU-4, METEOR, ROUGE-L, tuple F in [0, 1] and CIDEr-D in [0, 10], all of which tables print times
        100; and two counts, vocabulary and distinct.

    Raises:
        DataError: nothing can be compared.
        ConfigError: the package that finds stems is not installed.
    """
    scores = {f"BLEU-{order}": value for order, value in enumerate(bleu(hypotheses, references), 1)}
    return {
        **scores,
        "METEOR": meteor(hypotheses, references),
        "ROUGE-L": rouge_l(hypotheses, references),
        "CIDEr-D": cider_d(hypotheses, references),
        "tuple F": tuple_f(hypotheses, references),
        "vocabulary": float(vocabulary(hypotheses)),
        "distinct": float(distinct(hypotheses)),
    }
