"""`python -m eval captions`: one table for all text describers on the same images."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from avnet.describer.text_describer import TextDescriber, TextSettings
from avnet.files.whole import write_text
from avnet.program import output
from data.captions.corpus import open_captions
from eval import report
from eval.captions.baselines import consensus, elsewhere, majority, nearest_caption, template
from eval.captions.boxes import Boxes, read_boxes
from eval.captions.config import CaptionsConfig
from eval.captions.describers import Row, against_others, describe, parse_models, people
from eval.captions.intervals import draw_images, intervals, resample
from eval.captions.metrics.meteor import stem
from eval.captions.page import captions_page, choose_pictures
from eval.captions.tables import (
    FORM,
    SCORES,
    VARIETY,
    figures,
    form_cells,
    interval_cells,
    markdown,
    score_cells,
    variety_cells,
)
from eval.captions.taggers import TAGS, TagsImages, open_tagger
from eval.captions.task import Task, task_of

INTERVALS = ("BLEU-4", "CIDEr-D", "BLEU-4 minus that of {}", "CIDEr-D minus that of {}")


def captions(config: CaptionsConfig) -> None:
    """Runs the whole command.

    Raises:
        ConfigError: a package is not installed, or a model does not fit.
        DataError: the corpus cannot be used.
        ModelFolderError: a model cannot be read.
    """
    named = parse_models(config.models)
    # Before the work begins, so that a missing package is not found out after it.
    stem("words")
    settings = TextSettings(candidates=config.candidates, reward=config.reward, consensus=config.consensus)
    task = task_of(open_captions(config.captions), config.split, config.limit, config.seed)
    describers = {one.name: TextDescriber.load(one.folder) for one in named}
    boxes = None if config.boxes is None else read_boxes(config.boxes)
    tagger = None if config.tagger is None else open_tagger(config.tagger)
    compare(config, task, describers, tagger, settings, boxes)


def compare(
    config: CaptionsConfig,
    task: Task,
    describers: dict[str, TextDescriber],
    tagger: TagsImages | None,
    settings: TextSettings,
    boxes: Boxes | None = None,
) -> None:
    """Describes, measures, prints and writes.

    Args:
        config: of the command.
        task: the images.
        describers: by name; from the first the others differ.
        tagger: fills the template; None leaves that row out.
        settings: of the search.
        boxes: of what words name in images; None where they are not known.
    """
    folder = output.output_folder(config.out)
    rows = rows_of(task, describers, tagger, settings, config.seed, boxes)
    first = next(iter(describers))
    results: dict[str, Any] = {"images": len(task.images), "rows": {n: figures(row, task) for n, row in rows.items()}}
    results["intervals"] = {}
    if config.draws:
        times = draw_images(len(task.images), config.draws, config.seed)
        alike = {name: row for name, row in rows.items() if row.references is None}
        resampled = {name: resample(row.texts, task.references, times) for name, row in alike.items()}
        results["intervals"] = intervals(resampled, first)
    title = f"Written descriptions of {len(task.images)} images of {config.split}"
    show(results, title, first, folder / "captions.md")
    pictures = choose_pictures(len(task.images), config.pictures, config.seed)
    write_text(folder / "captions.html", captions_page(task, rows, results["rows"], pictures.tolist(), title))
    write_text(folder / "descriptions.json", json.dumps(listing(task, rows), indent=1, ensure_ascii=False) + "\n")
    facts: dict[str, Any] = {name: {"fingerprint": one.parts.fingerprint} for name, one in describers.items()}
    options = {
        "captions": config.captions,
        "models": config.models,
        "tagger": config.tagger,
        "boxes": config.boxes,
        "split": config.split,
        "limit": config.limit,
        "draws": config.draws,
        "candidates": config.candidates,
        "reward": config.reward,
        "consensus": config.consensus,
    }
    report.write_report(folder / "captions.json", config.seed, facts, options, results, {})


def rows_of(
    task: Task,
    describers: dict[str, TextDescriber],
    tagger: TagsImages | None,
    settings: TextSettings,
    seed: int,
    boxes: Boxes | None = None,
) -> dict[str, Row]:
    """Every way of describing that is compared, models first.

    Args:
        task: the images.
        describers: by name.
        tagger: fills the template; None leaves that row out.
        settings: of the search.
        seed: draws another image for each.
        boxes: of what words name in images; None where they are not known.
    """
    rows = {name: describe(task, describer, settings, boxes) for name, describer in describers.items()}
    models = dict(rows)
    first = next(iter(models))
    # The neighbors are those that the first model's backbone sees: one baseline for all, named by what it takes.
    vectors = task.pooled(describers[first].backbone)
    texts = models[first].texts
    rows[f"{first}, shuffled images"] = Row([texts[int(i)] for i in elsewhere(len(texts), seed)])
    rows["nearest neighbor"] = Row(nearest_caption(task, vectors))
    rows["consensus of neighbors"] = Row(consensus(task, vectors))
    if tagger is not None:
        probabilities = tagger.probabilities(tagger.features_of(np.asarray(task.grids(tagger.backbone)[task.images])))
        tags = tagger.choose(probabilities, top=TAGS)
        rows["template of tags"] = Row([template([tag.word for tag in of_image]) for of_image in tags])
    rows["majority sentence"] = Row([majority(task)] * len(task.images))
    rows["people, against the others"] = people(task)
    rows |= {f"{name}, against the same": against_others(task, row) for name, row in models.items()}
    return rows


def show(results: dict[str, Any], title: str, first: str, path: Path) -> None:
    """Prints the tables, and writes them as Markdown."""
    rows = results["rows"]
    own = {name: row for name, row in rows.items() if not name.endswith("against the same")}
    tables = [
        (f"{title} (%)", SCORES, [(name, score_cells(row)) for name, row in rows.items()]),
        ("Variety: words, and shares (%)", VARIETY, [(name, variety_cells(row)) for name, row in own.items()]),
        (
            "Words, faults (%), attention in boxes (%), size, time of search",
            FORM,
            [(name, form_cells(row)) for name, row in own.items()],
        ),
    ]
    if results["intervals"]:
        columns = tuple(column.format(first) for column in INTERVALS)
        lines = [(name, interval_cells(row)) for name, row in results["intervals"].items()]
        tables.append(("95 % intervals (%), images drawn again", columns, lines))
    for one in tables:
        report.print_cells(*one)
    write_text(path, "\n".join(markdown(*one) for one in tables))


def listing(task: Task, rows: dict[str, Row]) -> list[dict[str, Any]]:
    """What every row writes of every image, beside what people wrote."""
    return [
        {
            "image": task.corpus.names[int(number)],
            "references": task.references[place],
            "descriptions": {name: row.texts[place] for name, row in rows.items() if row.references is None},
        }
        for place, number in enumerate(task.images)
    ]
