"""Tags of images, measured by what people wrote of these."""

from collections.abc import Mapping

import numpy as np
from sklearn.linear_model import Ridge

from avnet.backbones.backbone import Backbone
from avnet.tagger.tagger import Tagger
from data.captions.content import content_words, times_said
from data.captions.corpus import CaptionCorpus, open_captions
from data.images.grids import grids_of, pooled_of
from eval import report
from eval.tags.config import TagsConfig
from eval.tags.scores import (
    calibration_error,
    chance_mean_average_precision,
    mean_average_precision,
    precision_and_recall,
)

# Captions of an image that must say a word for it to be true.
TRUTHS = {"once": 1, "twice": 2}
# Strengths of the ridge, of which validation chooses.
STRENGTHS = (10.0, 100.0, 1000.0, 10_000.0)


def tags(config: TagsConfig) -> None:
    """Runs the whole command.

    Raises:
        DataError: the corpus cannot be used.
        ModelFolderError: the tagger cannot be read.
    """
    corpus, tagger = open_captions(config.corpus), Tagger.load(config.model)
    known = {word: column for column, word in enumerate(tagger.vocabulary.words)}
    words = content_words(corpus, config.words)
    said = times_said(corpus, words)
    images = corpus.images_in(config.split)
    # A word that the tagger does not know has one score for all images.
    probabilities, thresholds = np.zeros((len(images), len(words))), np.ones(len(words))
    places = [number for number, word in enumerate(words) if word in known]
    columns = [known[words[number]] for number in places]
    log_odds = tagger.log_odds_of_grids(grids_of(corpus, tagger.backbone), images)
    probabilities[:, places] = tagger.vocabulary.probabilities(log_odds)[:, columns]
    thresholds[places] = tagger.vocabulary.threshold[columns]
    linear = linear_probe(corpus, tagger.backbone, said)[images]
    truths = {name: said[images] >= times for name, times in TRUTHS.items()}
    rows = {
        "tagger": {name: mean_average_precision(probabilities, truth) for name, truth in truths.items()},
        "linear, mean features": {name: mean_average_precision(linear, truth) for name, truth in truths.items()},
        "frequency of words": {name: chance_mean_average_precision(truth) for name, truth in truths.items()},
    }
    tagged = probabilities > thresholds
    told = {name: precision_and_recall(tagged, truth) for name, truth in truths.items()}
    figures = {
        "tags per image": float(tagged.sum(axis=1).mean()),
        "words of captions per image": float(truths["once"].sum(axis=1).mean()),
        "calibration error": calibration_error(probabilities, said[images] / captions_of(corpus)[images, None]),
    }
    title = f"Tags of {len(images)} images of {config.split}, {len(words)} words, {len(places)} of them known"
    report.print_table(f"{title}: mean average precision (%)", [f"said {name}" for name in TRUTHS], _table(rows))
    parts = {"precision": 0, "recall": 1}
    lines = {part: {name: told[name][place] for name in TRUTHS} for part, place in parts.items()}
    report.print_table("At the thresholds (%)", [f"said {name}" for name in TRUTHS], _table(lines))
    for name, value in figures.items():
        print(f"{name:<28}{value:>10.4f}")
    folder = report.output_folder(config.model, config.out)
    facts = {"folder": str(config.model), "fingerprint": tagger.fingerprint}
    settings = {"corpus": config.corpus, "split": config.split, "words": config.words}
    results = {"images": len(images), "mean average precision": rows, "at the thresholds": lines, **figures}
    unknown = {"words that the tagger does not know": [word for word in words if word not in known]}
    report.write_report(folder / "tags.json", None, facts, settings, results, unknown)


def _table(rows: Mapping[str, Mapping[str, float]]) -> list[tuple[str, list[float | None]]]:
    return [(name, list(row.values())) for name, row in rows.items()]


def linear_probe(corpus: CaptionCorpus, backbone: Backbone, said: np.ndarray) -> np.ndarray:
    """Scores [images, words] of ridge regression from the mean features of an image to the share that says a word."""
    pooled = pooled_of(corpus, backbone)
    train, validation = corpus.images_in("train"), corpus.images_in("validation")
    features = (pooled - pooled[train].mean(axis=0)) / (pooled[train].std(axis=0) + 1e-6)
    shares = said / captions_of(corpus)[:, None]
    scores = [Ridge(strength).fit(features[train], shares[train]).predict(features) for strength in STRENGTHS]
    return max(scores, key=lambda score: mean_average_precision(score[validation], said[validation] >= 1))


def captions_of(corpus: CaptionCorpus) -> np.ndarray:
    """Number of captions of each image, int64 [images]."""
    return np.bincount(corpus.image_of, minlength=len(corpus.names))
