"""Localization: where in the image does the sound come from, and does anything in it make that sound?"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track

import avnet
from avnet.apps.inputs import find_media
from avnet.correspondence.heatmaps.refinement import Refinement
from avnet.correspondence.model import Model
from avnet.errors import ConfigError, DataError
from avnet.pages.figure import figure, save
from data.table import read_rows
from eval import plots, report
from eval.localization import contact_sheet, negatives
from eval.localization import scores as scoring
from eval.localization.cases import Case, CaseReader
from eval.localization.config import LocalizationConfig
from eval.localization.contact_sheet import Tile
from eval.localization.refined import refinements
from eval.localization.scores import FrameScores, Placement
from eval.readers.composed import read_composed_videos
from eval.readers.flickr_soundnet import read_flickr_soundnet
from eval.readers.scene import Corpus
from eval.readers.vggss import read_vggss

# Cases in memory at once, with the grids of each for four sounds; frames are as large as those of the videos.
BATCH = 32
TILES = 24
# Beside the model and the seed, what the report says of how it came about.
OPTIONS = ("videos", "truth", "annotations", "names_from", "split", "frames", "masks", "threshold")
OPTIONS += ("speech", "fine", "flips", "scales", "object_prior")


@dataclass
class Findings:
    """What a run over a test set collects."""

    frames: list[FrameScores] = field(default_factory=list)
    rows: list[dict] = field(default_factory=list)
    tiles: list[Tile] = field(default_factory=list)
    others: dict[str, list[Placement]] = field(default_factory=dict)

    @property
    def placements(self) -> list[Placement]:
        """Of the frames in which something sounds."""
        return [frame.placement for frame in self.frames if frame.placement is not None]


def localization(config: LocalizationConfig) -> None:
    """Runs the whole command.

    Raises:
        ConfigError: the model has no heatmaps.
        DataError: the videos or the annotations cannot be used.
        ModelFolderError: the model cannot be read.
    """
    corpus = read_corpus(config)
    model = load_avol(config.model)
    rate = model.config.spectrogram.sample_rate
    speech = find_media([config.speech]).files if config.speech else []
    reader = CaseReader(corpus, model.config.clip_s, rate, config.frames, config.seed, speech)
    findings = run(model, reader, len(corpus.scenes) * config.frames, config)
    left_out = left_out_of(corpus, reader)
    results = summarize(findings, config.videos)
    folder = report.output_folder(config.model, config.out)
    print_tables(results, config.truth)
    report.print_left_out(left_out)
    draw(findings, results, folder)
    options = {name: getattr(config, name) for name in OPTIONS}
    results["per frame"] = findings.rows
    facts = report.model_facts(config.model, model)
    report.write_report(folder / "localization.json", config.seed, facts, options, results, left_out)


def load_avol(folder: Path) -> Model:
    """Opens a model that has heatmaps.

    Raises:
        ConfigError: it has none.
    """
    model = avnet.Model.load(folder)
    if not model.config.kind.heatmaps:
        raise ConfigError(
            folder,
            f"is a network of the kind {model.config.network!r}, which has no heatmaps; train one of the kind 'avol'",
        )
    return model


def read_corpus(config: LocalizationConfig) -> Corpus:
    """Reads the ground truth.

    Raises:
        DataError: the files have another form.
    """
    if config.annotations is None or config.truth == "composed":
        corpus = read_composed_videos(config.videos, config.split)
    else:
        reader_of = read_vggss if config.truth == "vggss" else read_flickr_soundnet
        corpus = reader_of(config.annotations, config.videos)
    if config.names_from is None:
        return corpus
    corpus = corpus.among({cells[0].removesuffix(".mp4") for _, cells in read_rows(config.names_from)})
    if not corpus.scenes:
        raise DataError(config.names_from, f"names none of what is annotated and in {config.videos}")
    return corpus


def run(model: Model, cases: Iterable[Case], total: int, config: LocalizationConfig) -> Findings:
    """Scores every case, a few at a time; progress goes to stderr.

    Args:
        model: an AVOL-Net.
        cases: to score.
        total: how many at most, for the progress bar and the choice of overlays.
        config: how they are judged.
    """
    refined = refinements(config, model.config)
    findings = Findings(others={name: [] for name in refined})
    console = Console(stderr=True)
    # Evenly over the test set: the first frames alone may all be of one class.
    tile_numbers = set(np.linspace(0, max(total - 1, 0), min(TILES, total)).astype(int).tolist())
    for batch in track(_batches(cases), "heatmaps", total=-(-total // BATCH), console=console, transient=True):
        for name, refinement in refined.items():
            findings.others[name] += refined_placements(model, batch, refinement, config)
        for case, grids in zip(batch, heatmaps(model, batch), strict=True):
            scores = score(case, grids, config)
            if len(findings.frames) in tile_numbers:
                findings.tiles.append(_tile(case, grids))
            findings.frames.append(scores)
            findings.rows.append(_row(case, scores))
    return findings


def heatmaps(model: Model, cases: Sequence[Case]) -> list[dict[str, np.ndarray]]:
    """For each case the grid of its own sound ('matched') and of each other one."""
    samples = len(cases[0].waveform)
    sounds = {
        "matched": [case.waveform for case in cases],
        "silence": [negatives.silence(samples)] * len(cases),
        "noise": [case.noise for case in cases],
        "wind": [case.wind for case in cases],
        "mismatched": [case.mismatched for case in cases],
        "speech over its own": [case.speech_over for case in cases],
    }
    # A case without a partner has no mismatched sound. All in one call: an image goes through the network once.
    asked = [
        (i, kind, waveform)
        for kind, waveforms in sounds.items()
        for i, waveform in enumerate(waveforms)
        if waveform is not None
    ]
    maps = model.heatmaps([cases[i].image for i, _, _ in asked], np.stack([waveform for *_, waveform in asked]))
    grids: list[dict[str, np.ndarray]] = [{} for _ in cases]
    for (i, kind, _), grid in zip(asked, maps, strict=True):
        grids[i][kind] = grid
    return grids


def refined_placements(
    model: Model, cases: Sequence[Case], refinement: Refinement, config: LocalizationConfig
) -> list[Placement]:
    """How well heatmaps of another kind are placed, of each case in which something sounds."""
    cases = [case for case in cases if case.scene.sounding]
    waveforms = np.array([case.waveform for case in cases]).reshape(len(cases), model.config.clip_samples)
    grids = model.heatmaps([case.image for case in cases], waveforms, refinement)
    truths = [case.scene.truth(case.time_s, masks=config.masks) for case in cases]
    return [scoring.place(grid, truth, config.threshold) for grid, truth in zip(grids, truths, strict=True)]


def score(case: Case, grids: dict[str, np.ndarray], config: LocalizationConfig) -> FrameScores:
    """Scores one frame; sounds that do not belong count only where something else sounds."""
    own = scoring.respond(grids["matched"], config.threshold)
    # Where nothing sounds, a foreign sound is no more wrong than the scene's own.
    if not case.scene.sounding:
        return FrameScores(own, {}, None)
    others = {k: scoring.respond(grids[k], config.threshold) for k in scoring.OTHER_SOUNDS if k in grids}
    truth = case.scene.truth(case.time_s, masks=config.masks)
    return FrameScores(own, others, scoring.place(grids["matched"], truth, config.threshold))


def left_out_of(corpus: Corpus, reader: CaseReader) -> dict[str, list[str]]:
    """What the annotations name and the folder lacks, what is odd about them, and what could not be read."""
    unread = {"unreadable": reader.unreadable, "without a mismatched sound": reader.without_partner}
    return {"missing": corpus.missing, **corpus.notes, **unread}


def summarize(findings: Findings, videos: Path) -> dict:
    """The figures of the whole test set; shares in [0, 1].

    Raises:
        DataError: nothing sounds in what could be read.
    """
    if not findings.placements:
        raise DataError(videos, f"holds nothing that sounds in the {len(findings.frames)} frames that can be read")
    return {
        "frames": len(findings.frames),
        "sounding frames": len(findings.placements),
        "placement": scoring.placement_rows(findings.placements, findings.others),
        "false alarms counted": scoring.detection_rows(findings.frames),
        "negative audio": scoring.response_rows(findings.frames),
    }


def print_tables(results: dict, truth: str) -> None:
    """Prints the three tables."""
    tables = {
        "placement": ("pointing", "ciou", "auc", "ciou_adapted", "ciou_absolute"),
        "false alarms counted": ("ap", "max_f1", "loc_acc"),
        "negative audio": ("mean_peak", "sounds_here", "share_highlighted", "mean_confidence", "roc_auc"),
    }
    for title, columns in tables.items():
        rows = [(name, [row.get(column) for column in columns]) for name, row in results[title].items()]
        frames = f"{results['sounding frames']} sounding frames of {truth}"
        report.print_table(f"{title}, {frames} (%)", [column.replace("_", " ") for column in columns], rows)


def draw(findings: Findings, results: dict, folder: Path) -> None:
    """Writes the plot and the page of overlays."""
    fig, (left, right) = figure(2)
    plots.draw_success(left, scoring.success_rates(findings.placements))
    answers = results["negative audio"]
    series = {"mean peak": "mean_peak", "share highlighted": "share_highlighted"}
    bars = {name: [answers[kind][key] for kind in answers] for name, key in series.items()}
    plots.draw_bars(right, [kind.replace(" ", "\n") for kind in answers], bars, "answer to a sound")
    save(fig, folder / "localization.png")
    contact_sheet.save(findings.tiles, folder / "localization_overlays.png")


def _batches(cases: Iterable[Case]) -> Iterator[list[Case]]:
    source = iter(cases)
    while batch := list(islice(source, BATCH)):
        yield batch


def _tile(case: Case, grids: dict[str, np.ndarray]) -> Tile:
    boxes = np.array([region.box_at(case.time_s) for region in case.scene.regions]).reshape(-1, 4)
    what = case.scene.label or ("silent" if case.scene.silent else case.scene.name)
    # The heatmap should be dark, though the sound has a class.
    if case.scene.label and not case.scene.sounding:
        what += ", off screen,"
    maps = [(f"{what} {grids['matched'].max():.2f}", grids["matched"])]
    if "mismatched" in grids:
        maps.append((f"another sound {grids['mismatched'].max():.2f}", grids["mismatched"]))
    return Tile(case.image, boxes, tuple(maps))


def _row(case: Case, scores: FrameScores) -> dict:
    row = {"name": case.scene.name, "time_s": case.time_s, "class": case.scene.label, "peak": scores.own.peak}
    row |= {f"peak, {kind}": response.peak for kind, response in scores.negatives.items()}
    if scores.placement is not None:
        row |= {"iou": scores.placement.iou, "hit": scores.placement.hit}
    return row
