"""Spoken descriptions of held-out pictures: what a recogniser hears in them, and what they are compared with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from avnet.cli.progress import progress
from avnet.describer.model import PICTURES, Settings, SpokenDescriber, Synthesizer
from avnet.describer.search import Candidate
from avnet.describer.voices import open_describer, open_voice
from avnet.errors import ConfigError, DataError
from avnet.speech.selection import Voice
from data.spoken.packed import SpokenCorpus, open_corpus
from data.spoken.texts import read_texts
from eval import report
from eval.captions import caption_scores, distinct, unit_error_rate, vocabulary, word_error_rate
from eval.naturalness import dnsmos
from eval.recognition import PocketSphinx, Recognizer, Transcripts, Whisper, transcribe_all

COLUMNS = ("BLEU-1", "BLEU-4", "METEOR", "ROUGE-L", "CIDEr-D")
JUDGED_BY_EAR = 60


@dataclass(frozen=True)
class Row:
    """One way to describe the pictures.

    Attributes:
        said: waveforms, one for each picture.
        references: of each picture; by default those of the task.
    """

    said: Sequence[np.ndarray]
    references: Sequence[Sequence[str]] | None = None


@dataclass
class Task:
    """The pictures of a split, with what people said of them.

    Attributes:
        corpus: packed.
        pictures: numbers of those with at least two texts.
        texts: of every recording; empty where there is none.
        describer: that is measured.
    """

    corpus: SpokenCorpus
    pictures: np.ndarray
    texts: list[str]
    describer: SpokenDescriber
    grids: np.ndarray = field(init=False)
    seen: np.ndarray = field(init=False)

    def __post_init__(self):
        images = [self.corpus.picture(number) for number in self.pictures]
        self.grids = self.describer.space.image_tower.grids(images)
        self.seen = self.describer.see(self.grids)

    @cached_property
    def recordings(self) -> list[np.ndarray]:
        """Numbers of the recordings of each picture."""
        return [np.flatnonzero(self.corpus.picture_of == picture) for picture in self.pictures]

    @cached_property
    def first(self) -> list[int]:
        """The first recording of each picture that has a text; its text is the first of the references."""
        return [next(int(i) for i in numbers if self.texts[i]) for numbers in self.recordings]

    @cached_property
    def references(self) -> list[list[str]]:
        """Texts of each picture."""
        return [[self.texts[i] for i in numbers if self.texts[i]] for numbers in self.recordings]


def speech(
    model: Annotated[Path, tyro.conf.Positional],
    data: Path,
    texts: Path,
    split: str = "test",
    pictures: int = 0,
    also: tuple[str, ...] = (),
    voices: tuple[str, ...] = (),
    temperatures: tuple[float, ...] = (0.2, 0.4, 0.7, 1.0),
    second_recognizer: bool = False,
    naturalness: bool = True,
    out: Path | None = None,
    seed: int = 0,
) -> None:
    """Measures spoken descriptions by what a recogniser hears in them, beside baselines that need no describer.

    The recogniser's words are scored against the texts of the same pictures (BLEU, METEOR with exact and stem matches,
    ROUGE-L, CIDEr-D). Text is read here alone, of pictures with at least two. The recognisers know English only; what
    needs no text is the recall of the generated speech back to its picture.

    Example: python -m eval speech runs/describer/model --data spoken --texts descriptions.csv

    Args:
        model: model folder of `python -m train describer`.
        data: folder of `python -m data spoken`.
        texts: what that folder was made from, with the texts.
        split: validation or test.
        pictures: at most so many, drawn; 0 for all.
        also: more rows, NAME=MODEL, of describers trained otherwise (no collapsing, other units).
        voices: more rows, NAME=FOLDER, the same units said by a vocoder or other recordings.
        temperatures: at which descriptions are sampled, for the table of variety.
        second_recognizer: also by PocketSphinx, which is slow.
        naturalness: also DNSMOS, of a few recordings.
        out: folder for speech.json; by default `eval` in the model folder.
        seed: draws pictures and samples.
    """
    if split == "train":
        raise ConfigError("--split", "wants validation or test: the recordings of train are the describer's memory")
    pairs = named(voices), named(also)
    describer, corpus = open_describer(model, None), open_corpus(data)
    spoken_by = {name: open_voice(path, describer.units) for name, path in pairs[0]}
    others = {name: open_describer(path) for name, path in pairs[1]}
    second = PocketSphinx() if second_recognizer else None
    task = task_of(describer, corpus, texts, split, pictures, seed)
    folder = report.output_folder(model, out)
    judge = Judge(Whisper(), Transcripts(folder / "transcripts.jsonl"))
    rows = rows_of(task, spoken_by, others, seed)
    scores = {name: judge.scores(row, task.references) for name, row in rows.items()}
    report.print_table(
        f"Spoken descriptions of {len(task.pictures)} pictures of {split}, as recognised (%)",
        (*COLUMNS, "distinct"),
        [(name, [*(row[c] for c in COLUMNS), row["distinct share"]]) for name, row in scores.items()],
    )
    found = {
        "pictures": len(task.pictures),
        "rows": scores,
        "variety": variety(task, judge, temperatures, seed),
        "synthesis": synthesis(task, judge, naturalness=naturalness),
        "recall": recalls(task, rows),
    }
    if second is not None:
        other_judge = Judge(second, judge.transcripts)
        names = ("describer", "nearest-neighbour replay", "original recordings, other texts")
        found["second recogniser"] = {name: other_judge.scores(rows[name], task.references) for name in names}
    print_rest(found)
    facts = {"folder": str(model), "fingerprint": describer.space.fingerprint}
    settings = {"data": data, "split": split, "recogniser": judge.recognizer.settings, "choice": vars(Settings())}
    report.write_report(folder / "speech.json", seed, facts, settings, found, {})


def task_of(describer: SpokenDescriber, corpus: SpokenCorpus, source: Path, split: str, limit: int, seed: int) -> Task:
    """The pictures with at least two texts.

    Raises:
        DataError: there are none.
    """
    known = {str(path): text for path, text in read_texts(source).items()}
    texts = [known.get(file, "") for file in corpus.files]
    counts = np.bincount(corpus.picture_of, weights=[bool(text) for text in texts], minlength=len(corpus.names))
    pictures = np.intersect1d(corpus.pictures_in(split), np.flatnonzero(counts >= 2))
    if not len(pictures):
        raise DataError(source, f"has no picture of {corpus.folder}, split {split}, with two texts of its recordings")
    if limit and limit < len(pictures):
        pictures = np.sort(np.random.default_rng(seed).choice(pictures, limit, replace=False))
    return Task(corpus, pictures, texts, describer)


class Judge:
    """A recogniser with what it heard before."""

    def __init__(self, recognizer: Recognizer, transcripts: Transcripts):
        self.recognizer, self.transcripts = recognizer, transcripts

    def hear(self, waveforms: Sequence[np.ndarray]) -> list[str]:
        """What is said in each."""
        return transcribe_all(self.recognizer, waveforms, self.transcripts)

    def scores(self, row: Row, references: Sequence[Sequence[str]]) -> dict[str, float]:
        """All caption metrics of a row, and the share of distinct descriptions."""
        words = self.hear(row.said)
        found = caption_scores(words, row.references or references)
        return {**found, "distinct share": distinct(words) / len(words)}


def rows_of(
    task: Task, voices: Mapping[str, Synthesizer], others: Mapping[str, SpokenDescriber], seed: int
) -> dict[str, Row]:
    """Every way of describing that is compared."""
    candidates = searched(task, Settings())
    chosen = best_of(task, candidates, Settings())
    rows = {
        "describer": Row([said for said, _ in chosen]),
        "without re-ranking": Row([task.describer.voice.speak(found[0].units) for found in candidates]),
        "no retrieval": Row([s for s, _ in best_of(task, searched(task, Settings(), retrieval=False), Settings())]),
        "nearest-neighbour replay": Row(replay(task)),
    }
    said = rows["describer"].said
    rows["shuffled pictures"] = Row([said[i] for i in elsewhere(len(said), seed)])
    for name, voice in voices.items():
        rows[f"synthesis: {name}"] = Row([voice.speak(candidate.units) for _, candidate in chosen])
    for name, other in others.items():
        theirs = Task(task.corpus, task.pictures, task.texts, other)
        rows[name] = Row([said for said, _ in best_of(theirs, searched(theirs, Settings()), Settings())])
    # A recording is not measured against its own text; beside it stands the describer against the same texts.
    rest = [texts[1:] for texts in task.references]
    rows["original recordings, other texts"] = Row([task.corpus.recordings[i] for i in task.first], rest)
    rows["describer, the same texts"] = Row(said, rest)
    return rows


def elsewhere(count: int, seed: int) -> np.ndarray:
    """Another picture for each, drawn: all numbers once, none in its own place where there are two or more."""
    order = np.random.default_rng(seed).permutation(count)
    found = np.zeros(count, np.int64)
    found[order] = np.roll(order, 1)
    return found


def named(pairs: Sequence[str]) -> list[tuple[str, Path]]:
    """NAME=FOLDER, taken apart.

    Raises:
        ConfigError: there is no '='.
    """
    for pair in pairs:
        if "=" not in pair:
            raise ConfigError(pair, "wants NAME=FOLDER")
    return [(name, Path(folder)) for name, folder in (pair.split("=", 1) for pair in pairs)]


def searched(task: Task, settings: Settings, *, retrieval: bool = True) -> list[list[Candidate]]:
    """Candidates of every picture."""
    found: list[list[Candidate]] = []
    starts = range(0, len(task.pictures), PICTURES)
    for start in progress(starts, "describing", len(starts), "batches"):
        part = slice(start, start + PICTURES)
        found += task.describer.candidates(task.grids[part], task.seen[part], settings, retrieval=retrieval)
    return found


def best_of(
    task: Task, candidates: Sequence[list[Candidate]], settings: Settings
) -> list[tuple[np.ndarray, Candidate]]:
    """What the describer would say of each picture, and the candidate that it is."""
    chosen = []
    for seen, found in progress(zip(task.seen, candidates, strict=True), "choosing", len(candidates), "pictures"):
        ranked = task.describer.rank(seen, found, settings)
        chosen.append((ranked.waveforms[ranked.best], found[ranked.best]))
    return chosen


def replay(task: Task) -> list[np.ndarray]:
    """The recording nearest to each picture, as it is: a perfect voice and wrong details."""
    voice = task.describer.voice
    assert isinstance(voice, Voice)
    return [voice.waveforms[task.describer.retrieve(seen, 1)[0].recording] for seen in task.seen]


def variety(task: Task, judge: Judge, temperatures: Sequence[float], seed: int) -> dict[str, dict[str, float]]:
    """Distinct descriptions and words over temperature, of single samples."""
    found = {}
    for temperature in temperatures:
        settings = Settings(method="sample", candidates=1, temperature=temperature, top_k=10, seed=seed)
        said = [task.describer.voice.speak(found[0].units) for found in searched(task, settings)]
        words = judge.hear(said)
        scores = caption_scores(words, task.references)
        found[f"{temperature:g}"] = {
            "distinct share": distinct(words) / len(words),
            "vocabulary": vocabulary(words),
            "CIDEr-D": scores["CIDEr-D"],
            "BLEU-4": scores["BLEU-4"],
        }
    return found


def synthesis(task: Task, judge: Judge, *, naturalness: bool) -> dict[str, dict[str, float]]:
    """Held-out recordings and what the voice makes of their true units, against their own texts."""
    numbers = task.first
    originals = [task.corpus.recordings[i] for i in numbers]
    strings = [task.describer.units.encode(waveform) for waveform in originals]
    made = [task.describer.voice.speak(string.units) for string in progress(strings, "speaking", len(strings))]
    again = [task.describer.units.encode(waveform).units.tolist() for waveform in made]
    rows = {}
    for name, said in (("original recordings", originals), ("from their units", made)):
        rows[name] = {"WER": word_error_rate([task.texts[i] for i in numbers], judge.hear(said))}
        if naturalness:
            rows[name]["DNSMOS"] = float(np.mean(dnsmos(said[:JUDGED_BY_EAR])))
    rows["from their units"]["unit error rate"] = unit_error_rate([string.units.tolist() for string in strings], again)
    return rows


def recalls(task: Task, rows: Mapping[str, Row]) -> dict[str, dict[str, float]]:
    """How often speech finds its own picture among all, in the space in which descriptions were chosen too.

    The choice among candidates favours the describer here; the row without re-ranking is free of it.
    """
    recordings = [int(n) for numbers in task.recordings for n in numbers]
    owner = np.repeat(np.arange(len(task.pictures)), [len(numbers) for numbers in task.recordings])
    return {
        "recordings": recall(task, [task.corpus.recordings[i] for i in recordings], owner),
        **{
            name: recall(task, rows[name].said, np.arange(len(task.pictures)))
            for name in ("describer", "without re-ranking", "nearest-neighbour replay")
        },
        "chance": {f"R@{k}": min(1.0, k / len(task.pictures)) for k in (1, 5, 10)},
    }


def recall(task: Task, waveforms: Sequence[np.ndarray], owner: np.ndarray) -> dict[str, float]:
    """R@1, 5, 10 of the picture that belongs to each waveform."""
    parts = [task.describer.hear(waveforms[i : i + 32]) for i in range(0, len(waveforms), 32)]
    similarity = np.concatenate(parts) @ task.seen.T
    rank = (similarity >= similarity[np.arange(len(owner)), owner][:, None]).sum(axis=1) - 1
    return {f"R@{k}": float((rank < k).mean()) for k in (1, 5, 10)}


def print_rest(found: dict) -> None:
    """The smaller tables."""
    for title, columns in (("variety", ("distinct share", "CIDEr-D", "BLEU-4")), ("recall", ("R@1", "R@5", "R@10"))):
        rows = [(name, [row.get(c) for c in columns]) for name, row in found[title].items()]
        report.print_table(title.capitalize() + " (%)", columns, rows)
    for name, row in found["synthesis"].items():
        print(f"{name:<24}" + "   ".join(f"{key} {value:.3f}" for key, value in row.items()))
