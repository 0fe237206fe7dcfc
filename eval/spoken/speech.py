"""Spoken descriptions of held-out images: what a recognizer makes of them, and what they are compared with."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from avnet.describer.describer import Describer
from avnet.describer.settings import Settings
from avnet.errors import ConfigError
from avnet.program.progress import progress, show_progress
from avnet.synthesizers.mel.acoustics import measure_acoustics
from avnet.synthesizers.mel.griffin_lim import GriffinLim
from avnet.synthesizers.selection.voice import Voice
from avnet.synthesizers.synthesizer import Synthesizer
from avnet.synthesizers.voice import open_voice
from data.spoken.corpus import open_corpus
from eval import report
from eval.captions import caption_scores, distinct, unit_error_rate, vocabulary, word_error_rate
from eval.metrics.ranking import rank_relevance, recall_at_k
from eval.spoken.config import SpeechConfig
from eval.spoken.descriptions import Row, Task, candidates_of, rows_of, task_of
from eval.spoken.direct import described_directly, open_direct
from eval.spoken.naturalness import dnsmos
from eval.spoken.phones import open_phone_pipeline, phone_error_rate
from eval.spoken.recognition import PocketSphinx, Recognizer, Transcripts, Whisper, transcribe_all
from eval.spoken.words import open_text_pipeline, texts_of

COLUMNS = ("BLEU-1", "BLEU-4", "METEOR", "ROUGE-L", "CIDEr-D")
# Recordings of the voice from which the table of Griffin-Lim is measured.
TABLE_RECORDINGS = 1000
GRIFFIN_LIM = "centroids and Griffin-Lim"
PHONES = "phones and flite"
SHOW_AND_SPEAK = "show and speak"


def speech(config: SpeechConfig) -> None:
    """Runs the whole command.

    Raises:
        ConfigError: a package is not installed, or an option does not fit the describer.
        DataError: the corpus or the texts cannot be used.
        ModelFolderError: a model cannot be read.
    """
    # What can be refused at once is refused before any model is loaded.
    voice_folders, model_folders = parse_folders(config.voices), parse_folders(config.also)
    # Selection from the measured recordings would play them back, and no synthesis would look as good.
    if beside := [name for name, path in voice_folders if path.resolve() == config.data.resolve()]:
        raise ConfigError(beside[0], f"holds the very recordings that are measured ({config.data})")
    describer, corpus = Describer.load(config.model), open_corpus(config.data)
    describer.use_regions(config.regions)
    voices: dict[str, Synthesizer] = {GRIFFIN_LIM: griffin_lim_of(describer)}
    with show_progress() as on_event:
        if config.vocoder is not None:
            voices["vocoder"] = open_voice(config.vocoder, describer.units, on_event)
        for name, path in voice_folders:
            voices[f"voice {name}"] = open_voice(path, describer.units, on_event)
    others = {f"also {name}": Describer.load(path) for name, path in model_folders}
    if config.no_collapsing is not None:
        others["no collapsing"] = Describer.load(config.no_collapsing)
    if config.words is not None:
        others["text pipeline"] = open_text_pipeline(config.words, describer)
    if config.phones is not None:
        others[PHONES] = open_phone_pipeline(config.phones, describer)
    direct = None if config.show_and_speak is None else open_direct(config.show_and_speak, config.regions)
    # Before the work begins, so that a missing package is not found out after it.
    second = PocketSphinx() if config.second_recognizer else None
    texts = None
    if config.texts is not None:
        texts = texts_of(corpus, config.texts, config.language, config.images, config.recordings)
    task = task_of(describer, corpus, texts, config.split, config.limit, config.seed)
    folder = report.output_folder(config.model, config.out)
    judge = None if config.texts is None else Judge(Whisper(), Transcripts(folder / "transcripts.jsonl"))
    rows = rows_of(task, voices, others, config.seed)
    results: dict[str, Any] = {"images": len(task.images)}
    if direct is not None:
        rows[SHOW_AND_SPEAK], results["show and speak that stopped"] = described_directly(task, direct)
    if judge is not None:
        results["rows"] = {name: judge.scores(row, task.references) for name, row in rows.items()}
        options = {
            "no collapsing": config.no_collapsing,
            "text pipeline": config.words,
            PHONES: config.phones,
            SHOW_AND_SPEAK: config.show_and_speak,
            "synthesis: vocoder": config.vocoder,
        }
        absent = [name for name, path in options.items() if path is None]
        print_rows(results["rows"], absent, len(task.images), config.split)
        results["variety"] = variety(task, judge, config.temperatures, config.seed)
    if config.phones is not None and (described := rows[PHONES].units) is not None:
        results["phone error rate"] = phone_error_rate(described, config.phones, task)
    if judge is not None and second is not None:
        # One file serves both: each key holds the settings of its recognizer.
        other_judge = Judge(second, judge.transcripts)
        names = ("describer", "nearest-neighbour replay", "original recordings, other texts")
        results["second recognizer"] = {name: other_judge.scores(rows[name], task.references) for name in names}
    results["synthesis"] = synthesis(task, judge, {"selection": describer.voice, **voices}, config.naturalness)
    results["recall"] = recalls(task, rows)
    print_rest(results)
    facts = {"folder": str(config.model), "fingerprint": describer.parts.fingerprint}
    facts |= {name: other.parts.fingerprint for name, other in others.items()}
    if direct is not None:
        facts[SHOW_AND_SPEAK] = direct.fingerprint
    recognizer = judge.recognizer.settings if judge else "none"
    settings = {"data": config.data, "split": config.split, "recognizer": recognizer, "choice": vars(Settings())}
    report.write_report(folder / "speech.json", config.seed, facts, settings, results, {})


def griffin_lim_of(describer: Describer) -> GriffinLim:
    """A table of the describer's units, measured on recordings of its own voice."""
    voice = describer.voice
    assert isinstance(voice, Voice)
    numbers = np.unique(np.linspace(0, len(voice.strings) - 1, TABLE_RECORDINGS).astype(np.int64)).tolist()
    waveforms, strings = [voice.waveforms[i] for i in numbers], [voice.strings[i] for i in numbers]
    units = describer.units
    return GriffinLim(measure_acoustics(waveforms, strings, units.count, units.frames_per_step))


class Judge:
    """A recognizer with its earlier transcripts."""

    def __init__(self, recognizer: Recognizer, transcripts: Transcripts):
        self.recognizer, self.transcripts = recognizer, transcripts

    def transcribe(self, waveforms: Sequence[np.ndarray]) -> list[str]:
        """What is said in each."""
        return transcribe_all(self.recognizer, waveforms, self.transcripts)

    def scores(self, row: Row, references: Sequence[Sequence[str]]) -> dict[str, float]:
        """All caption metrics of a row, and the share of distinct descriptions."""
        words = self.transcribe(row.waveforms)
        scores = caption_scores(words, row.references or references)
        return {**scores, "distinct share": distinct(words) / len(words)}


def parse_folders(pairs: Sequence[str]) -> list[tuple[str, Path]]:
    """NAME=FOLDER, taken apart.

    Raises:
        ConfigError: there is no '=', or a name is missing or there twice.
    """
    splits = [pair.partition("=") for pair in pairs]
    for pair, (name, sign, _) in zip(pairs, splits, strict=True):
        if not name or not sign or [other for other, _, _ in splits].count(name) > 1:
            raise ConfigError(pair, "must be NAME=FOLDER, each name once")
    return [(name, Path(folder)) for name, _, folder in splits]


def variety(task: Task, judge: Judge, temperatures: Sequence[float], seed: int) -> dict[str, dict[str, float]]:
    """Distinct descriptions and words over temperature, of single samples."""
    rows = {}
    for temperature in temperatures:
        # Single samples: choosing among several would hide how varied they are.
        settings = Settings(method="sample", candidates=1, temperature=temperature, top_k=10, seed=seed)
        waveforms = [task.describer.voice.speak(candidates[0].units) for candidates in candidates_of(task, settings)]
        words = judge.transcribe(waveforms)
        scores = caption_scores(words, task.references)
        rows[f"{temperature:g}"] = {
            "distinct share": distinct(words) / len(words),
            "vocabulary": vocabulary(words),
            "CIDEr-D": scores["CIDEr-D"],
            "BLEU-4": scores["BLEU-4"],
        }
    return rows


def synthesis(
    task: Task, judge: Judge | None, voices: Mapping[str, Synthesizer], naturalness: int
) -> dict[str, dict[str, float]]:
    """Held-out recordings and what each voice makes of their true units, against their own texts.

    Args:
        task: the images.
        judge: transcribes; None where nothing is written.
        voices: by name.
        naturalness: of so many recordings DNSMOS is asked.
    """
    # What real recordings reach is the most that a voice can be asked for.
    originals = [task.corpus.recordings[i] for i in task.first]
    strings = [task.describer.units.encode(waveform) for waveform in originals]
    versions = {"original recordings": originals}
    for name, voice in voices.items():
        versions[name] = [voice.speak(string.units) for string in progress(strings, "speaking", len(strings))]
    rows: dict[str, dict[str, float]] = {}
    for name, waveforms in versions.items():
        again = [task.describer.units.encode(waveform).units.tolist() for waveform in waveforms]
        rows[name] = {"unit error rate": unit_error_rate([string.units.tolist() for string in strings], again)}
        if judge is not None and task.texts is not None:
            rows[name]["WER"] = word_error_rate([task.texts[i] for i in task.first], judge.transcribe(waveforms))
        if naturalness:
            rows[name]["DNSMOS"] = float(np.mean(dnsmos(waveforms[:naturalness])))
    return rows


def recalls(task: Task, rows: Mapping[str, Row]) -> dict[str, dict[str, float]]:
    """How often speech finds its own image among all, in the describer's space of images and speech."""
    recordings = [int(n) for numbers in task.recordings for n in numbers]
    owner = np.repeat(np.arange(len(task.images)), [len(numbers) for numbers in task.recordings])
    return {
        "recordings": recall(task, [task.corpus.recordings[i] for i in recordings], owner),
        **{
            name: recall(task, row.waveforms, np.arange(len(task.images)))
            for name, row in rows.items()
            # The others repeat waveforms that have a row already.
            if row.references is None
        },
        "chance": {f"R@{k}": min(1.0, k / len(task.images)) for k in (1, 5, 10)},
    }


def recall(task: Task, waveforms: Sequence[np.ndarray], owner: np.ndarray) -> dict[str, float]:
    """R@1, 5, 10 of the image that belongs to each waveform."""
    parts = [task.describer.space.embed_speech(waveforms[i : i + 32]) for i in range(0, len(waveforms), 32)]
    similarity = np.concatenate(parts) @ task.views.embeddings.T
    hits = rank_relevance(similarity, owner[:, None] == np.arange(len(task.images)))
    return {f"R@{k}": float(recall_at_k(hits, k).mean()) for k in (1, 5, 10)}


def print_rows(rows: Mapping[str, Mapping[str, float]], absent: Sequence[str], count: int, split: str) -> None:
    """The table of descriptions, with lines for those that were not asked for."""
    nothing: list[float | None] = [None] * (len(COLUMNS) + 1)
    lines = [(name, [*(row.get(column) for column in COLUMNS), row["distinct share"]]) for name, row in rows.items()]
    lines += [(f"{name} (not given)", nothing) for name in absent]
    title = f"Spoken descriptions of {count} images of {split}, as recognised (%)"
    report.print_table(title, (*COLUMNS, "distinct"), lines)


def print_rest(results: dict) -> None:
    """The smaller tables."""
    for title, columns in (
        ("second recognizer", (*COLUMNS, "distinct share")),
        ("variety", ("distinct share", "CIDEr-D", "BLEU-4")),
        ("recall", ("R@1", "R@5", "R@10")),
    ):
        if title in results:
            rows = [(name, [row.get(c) for c in columns]) for name, row in results[title].items()]
            report.print_table(title.capitalize() + " (%)", columns, rows)
    if (stopped := results.get("show and speak that stopped")) is not None:
        print(f"show and speak stopped by itself at {stopped:.1%} of the images")
    if "phone error rate" in results:
        print(f"phone error rate {results['phone error rate']:.1%}")
    print("Resynthesis of units")
    for name, row in results["synthesis"].items():
        print(f"{name:<28}" + "   ".join(f"{key} {value:.3f}" for key, value in row.items()))
