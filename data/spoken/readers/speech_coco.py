"""SPEECH-COCO as it is published: `train2014/` and `val2014/`, each with `wav/`, `json/` and a SQLite database.

A file of `json/` says `{"imgID", "captionID", "wavFilename", "speaker", "synthesisedCaption"}` of the recording of its
name; the table `captions` of `train_2014.sqlite3` says the same of all, and is read where it is there. The images are
those of COCO 2014, which come apart. Eight voices of a synthesizer read the captions, some with an "um" put in.

Reference: Havard, Besacier and Rosec, "SPEECH-COCO: 600k Visually Grounded Spoken Captions Aligned to MSCOCO Data Set",
2017, section 2.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from avnet.errors import DataError
from avnet.files.json_file import read_json
from data.images.finder import ImageFinder
from data.names import path_of
from data.splits import split_in_name
from data.spoken.readers.description import Row

SUBSETS = ("train2014", "val2014")
JSON, WAVS = "json", "wav"
DATABASE = ".sqlite3"
# Of the database, and what the files of JSON call them.
COLUMNS = "imageID, wavFilename, speaker, text"
FIELDS = ("imgID", "wavFilename", "speaker", "synthesisedCaption")


def subsets(source: Path) -> list[Path]:
    """The folders of the corpus that lie in a folder, or are it; a database stands for its folder. Empty for none."""
    if source.is_file():
        return [source.parent] if source.suffix.lower() == DATABASE else []
    folders = (source, *(source / name for name in SUBSETS))
    listed = (folder for folder in folders if _database(folder) or (folder / JSON).is_dir())
    return [folder for folder in listed if (folder / WAVS).is_dir()]


def speech_coco_rows(source: Path, images: Path | None = None, recordings: Path | None = None) -> list[Row]:
    """The rows of the corpus; the name of a subset says the split.

    Args:
        source: its folder, that of a subset, or a database.
        images: folder of the images, perhaps in folders train2014 and val2014; looked for in and about the subset.
        recordings: instead of `wav`.

    Raises:
        DataError: a list cannot be read.
    """
    rows = []
    for subset in subsets(source):
        finder = ImageFinder(subset, images)
        wavs, split = recordings or subset / WAVS, split_in_name(subset.absolute().name)
        for place, fields in entries(subset):
            rows.append(_row(place, fields, wavs, finder, subset.absolute().name, split))
    return rows


def entries(subset: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Place and `FIELDS` of every recording of a subset.

    Raises:
        DataError: a list cannot be read.
    """
    if database := _database(subset):
        try:
            # Without a lock and without a journal: the folder may be read-only, and nobody writes.
            address = f"{database.absolute().as_uri()}?mode=ro&immutable=1"
            with contextlib.closing(sqlite3.connect(address, uri=True)) as connection:
                connection.text_factory = lambda content: content.decode("utf-8", "surrogateescape")
                rows = connection.execute(f"SELECT {COLUMNS} FROM captions ORDER BY rowid").fetchall()
        except sqlite3.Error as error:
            raise DataError(database, f"is not a database of SPEECH-COCO ({error})") from None
        for number, row in enumerate(rows, start=1):
            yield f"{database.name} caption {number}", dict(zip(FIELDS, row, strict=True))
        return
    for file in sorted((subset / JSON).glob("*.json")):
        place = f"{subset.absolute().name} {file.name}"
        try:
            content = read_json(file)
        except (OSError, ValueError) as error:
            yield place, {"reason": f"is not JSON that can be read ({error})"}
            continue
        yield place, content if isinstance(content, dict) else {}


def _database(subset: Path) -> Path | None:
    return next((file for file in sorted(subset.glob("*")) if file.suffix.lower() == DATABASE), None)


def _row(place: str, fields: dict[str, Any], wavs: Path, finder: ImageFinder, subset: str, split: str) -> Row:
    if isinstance(reason := fields.get("reason"), str):
        return Row(place, reason=reason)
    number, wav, speaker = (fields.get(name) for name in ("imgID", "wavFilename", "speaker"))
    if not isinstance(number, int) or number < 0:
        return Row(place, reason="has no number of an image")
    if not isinstance(wav, str) or not wav:
        return Row(place, reason="names no recording")
    recording = path_of(wavs, wav)
    # Such files come from strangers, and what they name ends up in a corpus.
    if "\0" in wav or not recording.is_relative_to(path_of(wavs, ".")):
        return Row(place, reason=f"{wav!r} leaves the folder {wavs}")
    name = f"COCO_{subset}_{number:012d}.jpg"
    image, reason = finder.find(name, f"{subset}/{name}", f"{number:012d}.jpg")
    return Row(place, image, recording, speaker if isinstance(speaker, str) else None, split, reason)
