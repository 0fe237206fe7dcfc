"""The demo's page: what the model does as it comes, and what adapting it to the videos changes."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from avnet.correspondence.model import Model
from avnet.files.whole import write_text
from avnet.media.image import read_image
from avnet.pages.figure import figure as new_figure
from avnet.pages.figure import save
from avnet.pages.html import Html, cards, figure, note, page, paragraph, section, table, video
from eval.plots import draw_bars
from train.demo.material import Material
from train.demo.nearest import nearest_section
from train.demo.sections import of_class, results_of, search_sections_of, times_section

IMAGE_SIDE = 1500
DIRECTIONS = {"aud-im": "Sound to image", "im-aud": "Image to sound"}
BEFORE, AFTER, NONE = "as it comes", "adapted", "without learning"


@dataclass(frozen=True)
class Comparison:
    """One figure of the model before and after; shares in [0, 1], of which more is better.

    Attributes:
        name: in words.
        before: of the model as it comes.
        after: of the adapted model.
        baseline: of chance, or of the trivial predictor named in `against`.
        against: what the baseline is.
    """

    name: str
    before: float
    after: float
    baseline: float
    against: str = "chance"


def write_report(
    file: Path, out: Path, material: Material, model: Model, seconds: dict[str, float], nearest: Path | None
) -> None:
    """Writes the page.

    Args:
        file: of the page.
        out: folder of the demo.
        material: of the demo.
        model: as it comes, to search with.
        seconds: that each part took.
        nearest: what `find_nearest` wrote; None where no stamp is described.
    """
    intro = (
        f"{material.sentence}, composed into videos in which one thing sounds and another is silent. First the model "
        "as it comes, then adapted to some of the videos, of which no label was read. Those that are shown and "
        "measured were held out: the same things with the same sounds, at other places before other backgrounds."
    )
    body = [
        paragraph(intro),
        section("Where does the sound come from?", *_localization()),
        *search_sections_of(model, out / "index", material.sounding_videos()[-1]),
        *([] if nearest is None else [nearest_section(nearest)]),
        section("What adapting changes", *_comparison(out)),
        section("Held-out frames", *_overlays(out / "eval")),
        times_section(seconds),
    ]
    write_text(file, page("avnet: a model as it comes, and adapted", *body))


def compare(name: str, values: Iterable[float], baseline: float, against: str = "chance") -> Comparison:
    """A figure from what `eval` says of both models."""
    before, after = values
    return Comparison(name, before, after, baseline, against)


def comparisons(results: Path) -> list[Comparison]:
    """The figures of both models from the JSON files that `eval` wrote to `before` and `after`."""
    avc, retrieval, localization = (
        [results_of(results / when / f"{name}.json") for when in ("before", "after")]
        for name in ("avc", "retrieval", "localization")
    )
    rows = [
        compare(f"{name}: does this sound belong to this image?", (one["rows"]["model"][key] for one in avc), 0.5)
        for name, key in {"AVC": "accuracy", "ROC AUC": "roc_auc"}.items()
    ]
    by_class = [of_class(one) for one in retrieval]
    for direction, words in DIRECTIONS.items():
        for metric, name in {"recall@1": "R@1", "recall@5": "R@5", "map": "mAP"}.items():
            values = (one[direction][metric] for one in by_class)
            rows.append(compare(f"{words} of its class, {name}", values, by_class[0]["chance"][metric]))
    for direction, words in DIRECTIONS.items():
        of_partner = [next(v["model"] for k, v in one.items() if k.startswith("The very partner")) for one in retrieval]
        values = (one[direction]["recall@10"] for one in of_partner)
        rows.append(compare(f"{words} of its own video, R@10", values, of_partner[0]["chance"]["recall@10"]))
    placed = [one["placement"] for one in localization]
    pointing = (one["model"]["pointing"] for one in placed)
    rows.append(compare("Pointing at what sounds", pointing, placed[0]["centre point"]["pointing"], "the centre"))
    told = (one["negative audio"]["mismatched"]["roc_auc"] for one in localization)
    rows.append(compare("Peak higher for its own sound than for another", told, 0.5))
    return rows


def validation_sentence(metrics: Path) -> str:
    """What validation says of a run, from its metrics.jsonl."""
    rows = [json.loads(line) for line in metrics.read_text(encoding="utf-8").splitlines()]
    validations = [row for row in rows if row["kind"] == "validation"]
    first, best = validations[0]["auc"], max(validations, key=lambda row: row["auc"])
    if best["auc"] <= first:
        return f"Validation (AUC {first:.1%}) never rose: the adapted model is the first with other probabilities."
    return f"Validation rose from an AUC of {first:.1%} to {best['auc']:.1%} at step {best['step']}."


def _localization() -> list[Html]:
    intro = "A held-out video, and what avnet localize makes of it. Red is where its sound comes from, with certainty."
    return [
        note(intro),
        cards(
            video("localized/before/overlay.mp4", f"The model {BEFORE}.", 480),
            video("localized/after/overlay.mp4", f"The model {AFTER}.", 480),
        ),
    ]


def _comparison(out: Path) -> list[Html]:
    results, rows = out / "eval", comparisons(out / "eval")
    cells = [(row.name, f"{row.before:.1%}", f"{row.after:.1%}", f"{row.baseline:.1%} ({row.against})") for row in rows]
    draw(rows, results / "before_after.png")
    pairs, frames = results_of(results / "after" / "avc.json"), results_of(results / "after" / "localization.json")
    error = pairs["rows"]["model"]["standard_error"]
    facts = (
        f"Of {pairs['pairs']} pairs and {frames['sounding frames']} frames in which something sounds; one seed, and "
        f"the standard error of AVC is {100 * error:.1f} points. {validation_sentence(out / 'adapted/metrics.jsonl')}"
    )
    return [
        table(("", BEFORE, AFTER, NONE), cells),
        note(facts),
        figure(read_image(results / "before_after.png"), "The same figures.", IMAGE_SIDE),
    ]


def draw(rows: list[Comparison], file: Path) -> None:
    """Plots the figures as bars, what needs no learning beside them."""
    drawing, (axes,) = new_figure(1)
    drawing.set_size_inches(11, 6)
    series = {BEFORE: [r.before for r in rows], AFTER: [r.after for r in rows], NONE: [r.baseline for r in rows]}
    draw_bars(axes, [row.name for row in rows], series, "share")
    for label in axes.get_xticklabels():
        label.set(rotation=35, horizontalalignment="right")
    save(drawing, file)


def _overlays(results: Path) -> list[Html]:
    caption = (
        "with their own sound (left) and with that of something that is not in the image (right). The number is the "
        "highest probability on the map; boxes are the truth, which training never saw."
    )
    return [
        figure(read_image(results / when / "localization_overlays.png"), f"The model {name}: {caption}", IMAGE_SIDE)
        for when, name in {"before": BEFORE, "after": AFTER}.items()
    ]
