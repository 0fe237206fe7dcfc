"""Which kind of corpus lies somewhere, and its descriptions."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from avnet.errors import ConfigError, DataError
from data.left_out import LeftOut
from data.spoken.readers.csv_corpus import csv_rows
from data.spoken.readers.description import Description, Row, check_rows
from data.spoken.readers.flickr8k import CAPTIONS, flickr8k_rows
from data.spoken.readers.json_corpus import is_corpus, json_rows
from data.spoken.readers.speech_coco import JSON, WAVS, speech_coco_rows, subsets
from data.spoken.readers.stamp_names import ENGLISH, LANGUAGE, is_stamps, stamp_rows

TABLE = "corpus.csv"
Kind = Literal["csv", "json", "flickr8k", "speech-coco", "stamps"]


@dataclass(frozen=True)
class SourceCorpus:
    """A corpus.

    Attributes:
        descriptions: in the order of the corpus.
        left_out: rows that cannot be used.
    """

    descriptions: list[Description]
    left_out: list[LeftOut]


def read_source(
    source: Path, *, language: str = ENGLISH, images: Path | None = None, recordings: Path | None = None
) -> SourceCorpus:
    """Reads a corpus.

    Args:
        source: a CSV or JSON file, or a folder with corpus.csv, JSON files, wav2capt.txt, SPEECH-COCO or stamps.
        language: of the stamps.
        images: where the images lie that JSON, wav2capt.txt or SPEECH-COCO names.
        recordings: where the recordings lie, likewise.

    Returns:
        At least one description, in an order that depends on the corpus alone, and what was left out.

    Raises:
        DataError: it is none of these, or nothing in it can be used.
        ConfigError: the language is none.
    """
    rows = rows_of(source, language=language, images=images, recordings=recordings)
    descriptions, left_out = check_rows(rows)
    if not descriptions:
        why = f"; the first of {len(left_out)} rows: {left_out[0]}" if left_out else ""
        raise DataError(source, f"holds no description that can be used{why}")
    return SourceCorpus(descriptions, left_out)


def rows_of(
    source: Path, *, language: str = ENGLISH, images: Path | None = None, recordings: Path | None = None
) -> list[Row]:
    """What a corpus says, unchecked; arguments and refusals as of `read_source`."""
    if not LANGUAGE.fullmatch(language):
        raise ConfigError("--language", f"must be a code such as fr or pt_BR, got {language!r}")
    for folder in (images, recordings):
        if folder is not None and not folder.is_dir():
            raise DataError(folder, "is not a folder" if folder.exists() else "does not exist")
    kind, files = recognise(source)
    if kind in NAMING and (images or recordings):
        raise ConfigError(
            "--images, --recordings",
            "are only for JSON files, wav2capt.txt and SPEECH-COCO; this corpus names its files itself",
        )
    return ROWS[kind](Place(source, files, language, images, recordings))


class Place(NamedTuple):
    """Where a corpus lies; the fields as of `read_source`, and the files that list it."""

    source: Path
    files: list[Path]
    language: str
    images: Path | None
    recordings: Path | None


def _of_json(place: Place) -> list[Row]:
    return [row for file in place.files for row in json_rows(file, place.images, place.recordings)]


def _of_stamps(place: Place) -> list[Row]:
    rows = stamp_rows(place.source, place.language)
    if not rows:
        raise DataError(place.source, f"has no stamp with a description in the language {place.language!r}")
    return rows


# What reads each kind, and the kinds that name their files themselves; `texts.py` has what reads their texts.
ROWS: dict[Kind, Callable[[Place], list[Row]]] = {
    "csv": lambda place: csv_rows(place.files[0]),
    "json": _of_json,
    "flickr8k": lambda place: flickr8k_rows(place.source, place.images, place.recordings),
    "speech-coco": lambda place: speech_coco_rows(place.source, place.images, place.recordings),
    "stamps": _of_stamps,
}
NAMING = ("csv", "stamps")


def recognise(source: Path) -> tuple[Kind, list[Path]]:
    """The kind of a corpus, and the files that list it.

    Raises:
        DataError: it is none.
    """
    if source.is_file() and not subsets(source):
        return ("json" if source.suffix.lower() == ".json" else "csv"), [source]
    if not (source.is_dir() or source.is_file()):
        raise DataError(source, "is not a regular file" if source.exists() else "does not exist")
    if (source / TABLE).exists():
        return "csv", [source / TABLE]
    if (source / CAPTIONS).exists():
        return "flickr8k", [source / CAPTIONS]
    if subsets(source):
        return "speech-coco", []
    if files := [file for file in sorted(source.glob("*.json")) if is_corpus(file)]:
        return "json", files
    if is_stamps(source):
        return "stamps", []
    expected = f"{TABLE}, {CAPTIONS}, JSON files, {WAVS} beside {JSON}, or NAME_desc.ogg"
    raise DataError(source, f"holds no spoken descriptions (expected {expected})")
