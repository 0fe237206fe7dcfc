"""Audio-visual correspondence: does this second of sound belong to this picture?"""

from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

import avnet
from avnet.correspondence.model import Model
from avnet.pages.figure import figure, save
from eval import plots, report
from eval.correspondence import pairs
from eval.metrics import correspondence

COLUMNS = ("accuracy", "standard error", "ROC AUC", "calibration error")


def avc(
    model: Annotated[Path, tyro.conf.Positional],
    data: Path,
    split: str = "test",
    out: Path | None = None,
    seed: int = 0,
) -> None:
    """Measures how well matching pairs of picture and sound are told from mismatched ones.

    Half of the pairs match; negatives are snapped to the frame grid as in training, so that compression
    traces do not give them away. Beside the model stand chance and the answer that everything matches.

    Example: python -m eval avc runs/ave/model --data corpus

    Args:
        model: model folder.
        data: folder of records, as `python -m data prepare` writes it.
        split: train, validation or test.
        out: folder for avc.json and avc.png; by default `eval` in the model folder.
        seed: draws the negatives.
    """
    loaded = avnet.Model.load(model)
    probabilities, labels = predict(loaded, data, split, snap=True, seed=seed)
    folder = report.output_folder(model, out)
    scores = score(probabilities, labels)
    rows = {
        "model": scores,
        "chance": {"accuracy": 0.5, "roc_auc": 0.5, "calibration_error": abs(0.5 - float(labels.mean()))},
        "always 'matches'": {
            "accuracy": float(labels.mean()),
            "roc_auc": 0.5,
            "calibration_error": 1.0 - float(labels.mean()),
        },
    }
    report.print_table(
        f"Correspondence, {len(labels)} pairs of {split} (%)",
        COLUMNS,
        [(name, [row.get(key) for key in scores]) for name, row in rows.items()],
    )
    draw(probabilities, labels, folder / "avc.png")
    settings = {"data": data, "split": split, "snapped_negatives": True, "threshold": 0.5}
    results = {"pairs": len(labels), "matching": int(labels.sum()), "rows": rows}
    report.write_report(folder / "avc.json", seed, report.model_facts(model, loaded), settings, results, {})


def predict(model: Model, data: Path, split: str, snap: bool, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of the fixed pairs of a split, and whether each matches.

    Args:
        model: of any network.
        data: folder of records.
        split: train, validation or test.
        snap: whether the sound of negatives is cut on the frame grid of its own video.
        seed: draws the negatives.
    """
    found = pairs.correspondence_pairs(model, data, split, snap, seed)
    return model.correspondence(found.images, found.waveforms), found.labels == 1


def score(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Accuracy at 0.5 with its standard error, ROC AUC and expected calibration error."""
    accuracy = correspondence.accuracy(probabilities, labels)
    return {
        "accuracy": accuracy,
        "standard_error": correspondence.standard_error(accuracy, len(labels)),
        "roc_auc": correspondence.roc_auc(probabilities, labels),
        "calibration_error": correspondence.reliability(probabilities, labels).expected_error,
    }


def draw(probabilities: np.ndarray, labels: np.ndarray, path: Path) -> None:
    """Plots the reliability and the distribution of the probabilities."""
    fig, (left, right) = figure(2)
    plots.draw_reliability(left, correspondence.reliability(probabilities, labels))
    plots.draw_histograms(right, {"matching": probabilities[labels], "mismatched": probabilities[~labels]})
    save(fig, path)
