"""The shortcut: does a model tell pairs by where their sound was cut instead of by how it sounds?

Positives have the mid-point of their sound on a frame. If negatives are cut anywhere, a network can learn
that alignment from traces of compression and resampling: it scores better on such pairs and knows less.

Reference: Arandjelovic and Zisserman, "Objects that Sound", 2018, section 3.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import avnet
from avnet.correspondence.model import Model
from avnet.pages.figure import figure, save
from eval import plots, report
from eval.correspondence import pairs
from eval.correspondence.avc import predict, score
from eval.correspondence.config import ShortcutConfig
from eval.readers.labels import read_labels
from eval.retrieval import directions
from eval.retrieval.directions import CROSS_MODAL
from eval.retrieval.retrieval import class_task, match_labels, own_space

COLUMNS = {
    "avc_snapped": "AVC, snapped",
    "avc_unsnapped": "AVC, unsnapped",
    "gap": "gap",
    "partner_map": "mAP, partner",
    "class_map": "mAP, class",
}


def shortcut(config: ShortcutConfig) -> None:
    """Runs the whole command.

    Raises:
        ConfigError: the labels name too few of the videos.
        DataError: the records or the labels cannot be used.
        ModelFolderError: a model cannot be read.
    """
    folders = {"trained snapped": config.snapped, "trained unsnapped": config.unsnapped}
    models = {name: avnet.Model.load(folder) for name, folder in folders.items()}
    data, split, labels_from = config.data, config.split, config.labels_from
    audits = {name: audit(model, data, split, labels_from, config.seed) for name, model in models.items()}
    rows = {name: audit_of.scores for name, audit_of in audits.items()}
    # Both models are asked the same questions, so chance is the same.
    rows["chance"] = audits["trained snapped"].chance
    left_out = audits["trained snapped"].left_out
    folder = report.output_folder(config.snapped, config.out)
    table = [(name, [row.get(column) for column in COLUMNS]) for name, row in rows.items()]
    report.print_table(f"The shortcut, {split} (%)", list(COLUMNS.values()), table)
    report.print_left_out(left_out)
    draw(rows, folder / "shortcut.png")
    settings = {"data": data, "split": split, "labels_from": labels_from}
    facts = {name: report.model_facts(folders[name], model) for name, model in models.items()}
    report.write_report(folder / "shortcut.json", config.seed, facts, settings, {"rows": rows}, left_out)


@dataclass(frozen=True)
class Audit:
    """One model's figures; shares in [0, 1], keys as in `COLUMNS`.

    Attributes:
        scores: of the model.
        chance: of the same questions.
        left_out: reason -> names of what was not used.
    """

    scores: dict[str, float]
    chance: dict[str, float]
    left_out: dict[str, list[str]]


def audit(model: Model, data: Path, split: str, labels_from: Path | None, seed: int) -> Audit:
    """Measures correspondence on snapped and unsnapped negatives, and retrieval across image and sound."""
    avc = {snap: score(*predict(model, data, split, snap, seed))["accuracy"] for snap in (True, False)}
    scores = {"avc_snapped": avc[True], "avc_unsnapped": avc[False], "gap": avc[False] - avc[True]}
    # Half of the pairs match however the others are cut.
    chance = {"avc_snapped": 0.5, "avc_unsnapped": 0.5, "gap": 0.0}
    # Retrieval compares sounds that are all cut alike, so the shortcut is of no use in it.
    test_pairs = pairs.evaluation_pairs(model, data, split)
    space = own_space(model, test_pairs)
    partner = directions.instance_results(space, len(test_pairs.names))
    scores["partner_map"], chance["partner_map"] = _across(partner), partner["chance"]["map"]
    left_out: dict[str, list[str]] = {}
    if labels_from is not None:
        labels, left_out = match_labels(test_pairs.names, read_labels(labels_from))
        of_class = class_task({"model": space}, labels).rows["model"]
        scores["class_map"], chance["class_map"] = _across(of_class), of_class["chance"]["map"]
    return Audit(scores, chance, left_out)


def draw(rows: Mapping[str, Mapping[str, float]], path: Path) -> None:
    """Plots every figure of both models, with chance."""
    # The gap may be negative, and bars stand for shares; labels are optional, and with them the last column.
    columns = [column for column in COLUMNS if column != "gap" and column in rows["chance"]]
    fig, (axes,) = figure(1)
    groups = [COLUMNS[column].replace(", ", ",\n") for column in columns]
    plots.draw_bars(axes, groups, {name: [row[column] for column in columns] for name, row in rows.items()}, "share")
    save(fig, path)


def _across(results: Mapping[str, Mapping[str, float]]) -> float:
    """Mean of mAP over im-aud and aud-im."""
    return sum(results[name]["map"] for name in CROSS_MODAL) / len(CROSS_MODAL)
