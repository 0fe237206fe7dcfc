"""Audio-visual correspondence: does this second of sound belong to this image?"""

from pathlib import Path

import numpy as np

import avnet
from avnet.correspondence.model import Model
from avnet.pages.figure import figure, save
from eval import plots, report
from eval.correspondence import pairs
from eval.correspondence.config import AvcConfig
from eval.metrics import correspondence

COLUMNS = ("accuracy", "standard error", "ROC AUC", "calibration error")


def avc(config: AvcConfig) -> None:
    """Runs the whole command.

    Raises:
        DataError: the records cannot be used.
        ModelFolderError: the model cannot be read.
    """
    model = avnet.Model.load(config.model)
    # Snapped as in training: else traces of where the sound was cut would answer in place of the model.
    probabilities, labels = predict(model, config.data, config.split, snap=True, seed=config.seed)
    folder = report.output_folder(config.model, config.out)
    scores = score(probabilities, labels)
    rows = {
        "model": scores,
        # Both give every pair one score. Equal scores rank nothing, so the AUC is 0.5; they fill one bin, so the
        # calibration error is its distance from the share that matches.
        "chance": {"accuracy": 0.5, "roc_auc": 0.5, "calibration_error": abs(0.5 - float(labels.mean()))},
        "always 'matches'": {
            "accuracy": float(labels.mean()),
            "roc_auc": 0.5,
            "calibration_error": 1.0 - float(labels.mean()),
        },
    }
    report.print_table(
        f"Correspondence, {len(labels)} pairs of {config.split} (%)",
        COLUMNS,
        [(name, [row.get(key) for key in scores]) for name, row in rows.items()],
    )
    draw(probabilities, labels, folder / "avc.png")
    settings = {"data": config.data, "split": config.split, "snapped_negatives": True, "threshold": 0.5}
    results = {"pairs": len(labels), "matching": int(labels.sum()), "rows": rows}
    facts = report.model_facts(config.model, model)
    report.write_report(folder / "avc.json", config.seed, facts, settings, results, {})


def predict(model: Model, data: Path, split: str, snap: bool, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of the fixed pairs of a split, and whether each matches.

    Args:
        model: of any network.
        data: folder of records.
        split: train, validation or test.
        snap: whether the sound of negatives is cut on the frame grid of its own video.
        seed: draws the negatives.
    """
    test_pairs = pairs.correspondence_pairs(model, data, split, snap, seed)
    return model.correspondence(test_pairs.images, test_pairs.waveforms), test_pairs.labels == 1


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
