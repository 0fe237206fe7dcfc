"""Retrieval: the images and sounds most like an image or a sound."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import avnet
from avnet.correspondence.model import Model
from avnet.errors import ConfigError
from avnet.pages.figure import figure, save
from data.corpus import labels as labels_of
from data.names import why_none
from data.records.listing import EvaluationPairs
from eval import plots, report
from eval.correspondence import pairs
from eval.metrics.ranking import Gain
from eval.readers.labels import read_labels
from eval.retrieval import cca, directions
from eval.retrieval.config import RetrievalConfig
from eval.retrieval.directions import CROSS_MODAL, DIRECTIONS, Space
from eval.retrieval.ontology import Ontology, class_relevance, read_ontology

# As many as AVE-Net's embedding has, so that the two compare.
ALIGNED_SIZE = 128
CHANCE = ("chance", "chance, query left out")


@dataclass(frozen=True)
class Task:
    """One way to say which answers are right, and what every space reaches.

    Attributes:
        title: for the table.
        metric: the one that is plotted.
        rows: space -> direction -> metric -> value; the chance rows are directions too.
    """

    title: str
    metric: str
    rows: dict[str, dict[str, dict[str, float]]]


def retrieval(config: RetrievalConfig) -> None:
    """Runs the whole command.

    Raises:
        ConfigError: the labels or the ontology know too few of the videos.
        DataError: the records, the labels or the ontology cannot be used.
        ModelFolderError: the model cannot be read.
    """
    data, split, gain = config.data, config.split, config.gain
    labels = None if config.labels_from is None else read_labels(config.labels_from)
    tree = None if config.ontology is None else read_ontology(config.ontology)
    model = avnet.Model.load(config.model)
    test_pairs = pairs.evaluation_pairs(model, data, split)
    tasks, left_out = build_tasks(build_spaces(model, test_pairs, data), test_pairs.names, labels, tree, gain)
    folder = report.output_folder(config.model, config.out)
    for task in tasks:
        print_task(task)
    report.print_left_out(left_out)
    draw(tasks, folder / "retrieval.png")
    options = {"data": data, "split": split, "labels_from": config.labels_from, "ontology": config.ontology}
    results = {"videos": len(test_pairs.names), **{task.title: task.rows for task in tasks}}
    facts = report.model_facts(config.model, model)
    report.write_report(folder / "retrieval.json", None, facts, {**options, "gain": gain}, results, left_out)


def build_tasks(
    spaces: Mapping[str, Space],
    names: Sequence[str],
    labels: Mapping[str, Sequence[str]] | None,
    tree: Ontology | None,
    gain: Gain,
) -> tuple[list[Task], dict[str, list[str]]]:
    """What the labels and the ontology at hand allow to ask; and what takes no part, by reason.

    Args:
        spaces: in which the model retrieves.
        names: of the videos.
        labels: name -> classes, or None.
        tree: of classes, or None.
        gain: of nDCG.
    """
    tasks = [instance_task(spaces, len(names))]
    if labels is None:
        return tasks, {}
    video_labels, left_out = match_labels(names, labels)
    tasks.append(class_task(spaces, video_labels))
    if tree is not None:
        task, more = graded_task(spaces, video_labels, tree, names, gain)
        tasks.append(task)
        left_out |= more
    return tasks, left_out


def build_spaces(model: Model, test_pairs: EvaluationPairs, data: Path) -> dict[str, Space]:
    """The spaces in which a network retrieves, by name."""
    # L3-Net alone has no space that both kinds share; its features are compared as they are, and after CCA.
    if model.config.kind.projected:
        return {"model": own_space(model, test_pairs)}
    images, sounds = model.embed_images(test_pairs.images), model.embed_waveforms(test_pairs.waveforms)
    # Fitted on the test pairs themselves, CCA would find partners by construction.
    train = pairs.evaluation_pairs(model, data, "train")
    alignment = cca.fit(model.embed_images(train.images), model.embed_waveforms(train.waveforms), ALIGNED_SIZE)
    cca_space = directions.embedding_space(alignment.first(images), alignment.second(sounds))
    return {"features": directions.embedding_space(images, sounds), "features with CCA": cca_space}


def own_space(model: Model, test_pairs: EvaluationPairs) -> Space:
    """What the network was trained to compare: AVE-Net's embeddings, else the log-odds of each pairing."""
    sounds = model.embed_waveforms(test_pairs.waveforms)
    if model.config.kind.aligned:
        return directions.embedding_space(model.embed_images(test_pairs.images), sounds)
    return directions.pairing_space(model.log_odds_matrix(test_pairs.images, test_pairs.waveforms), sounds)


def instance_task(spaces: Mapping[str, Space], size: int) -> Task:
    """Finding the very partner."""
    rows = {name: directions.instance_results(space, size) for name, space in spaces.items()}
    return Task(f"The very partner, among {size}", "recall@10", rows)


def class_task(spaces: Mapping[str, Space], labels: Sequence[Sequence[str]]) -> Task:
    """Finding a video that shares a class; videos without labels (empty) take no part."""
    items = np.array([i for i, of_item in enumerate(labels) if of_item])
    names = sorted({label for of_item in labels for label in of_item})
    column = {label: i for i, label in enumerate(names)}
    classes = [[column[label] for label in labels[int(i)]] for i in items]
    rows = {name: directions.class_results(space, classes, items) for name, space in spaces.items()}
    return Task(f"A video of the same class, among {len(items)} of {len(names)} classes", "map", rows)


def graded_task(
    spaces: Mapping[str, Space],
    labels: Sequence[Sequence[str]],
    tree: Ontology,
    names: Sequence[str],
    gain: Gain,
) -> tuple[Task, dict[str, list[str]]]:
    """nDCG@30; also which classes the ontology does not know, and which videos have no other.

    Raises:
        ConfigError: the ontology knows fewer than two videos' classes.
    """
    ids = [sorted({class_id for label in of_item if (class_id := tree.find(label))}) for of_item in labels]
    strange = sorted({label for of_item in labels for label in of_item if tree.find(label) is None})
    items = np.array([i for i, of_item in enumerate(ids) if of_item], int)
    if len(items) < 2:
        raise ConfigError("--ontology", f"has classes for {len(items)} videos; it lacks for example {strange[:3]}")
    identifiers = sorted({label for of_item in ids for label in of_item})
    column = {identifier: i for i, identifier in enumerate(identifiers)}
    classes = [[column[label] for label in ids[i]] for i in items]
    of_classes = class_relevance(tree, identifiers)
    rows = {name: directions.graded_results(space, of_classes, classes, items, gain) for name, space in spaces.items()}
    without = [names[i] for i, of_item in enumerate(ids) if labels[i] and not of_item]
    task = Task(f"nDCG with {gain} gain, among {len(items)}", f"ndcg@{directions.NDCG_K}", rows)
    return task, {"classes not in the ontology": strange, "videos without a class of the ontology": without}


def match_labels(
    names: Sequence[str], labels: Mapping[str, Sequence[str]]
) -> tuple[list[Sequence[str]], dict[str, list[str]]]:
    """Labels of each video, as in `data.corpus.labels.match_labels`, and who has none.

    Raises:
        ConfigError: fewer than two videos have labels.
    """
    video_labels: list[Sequence[str]] = [tuple(of_item) for of_item in labels_of.match_labels(names, labels)]
    without = [name for name, of_item in zip(names, video_labels, strict=True) if not of_item]
    if len(names) - len(without) < 2:
        reason = f"names {len(names) - len(without)} of the {len(names)} videos: {why_none(labels, without)}"
        raise ConfigError("--labels-from", reason)
    return video_labels, {"videos without a label": without}


def print_task(task: Task) -> None:
    """Prints a table: a row for each direction and space, then chance."""
    first = next(iter(task.rows.values()))
    metrics = [name for name in next(iter(first.values())) if name != "queries without an answer"]
    rows = [
        (f"{direction}, {name}", [by_direction[direction].get(metric) for metric in metrics])
        for direction in DIRECTIONS
        for name, by_direction in task.rows.items()
        if direction in by_direction
    ]
    # Chance is the same in every space, so that of the first will do.
    rows += [(name, [first[name][metric] for metric in metrics]) for name in CHANCE if name in first]
    report.print_table(f"{task.title} (%)", metrics, rows)


def draw(tasks: Sequence[Task], path: Path) -> None:
    """Plots one metric of every task by direction, with chance."""
    fig, panels = figure(len(tasks))
    for axes, task in zip(panels, tasks, strict=True):
        first = next(iter(task.rows.values()))
        columns = [direction for direction in DIRECTIONS if direction in first]
        series = {name: [row[direction][task.metric] for direction in columns] for name, row in task.rows.items()}
        # Within a kind the query itself is no answer, which makes chance another.
        left_out = CHANCE[1] if CHANCE[1] in first else CHANCE[0]
        chance = [first[CHANCE[0] if direction in CROSS_MODAL else left_out][task.metric] for direction in columns]
        plots.draw_bars(axes, columns, {**series, "chance": chance}, task.metric)
        axes.set_title(task.title, fontsize="small")
    save(fig, path)
