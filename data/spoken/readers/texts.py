"""What is said in recordings, in writing: for evaluation and for captioners that write, never for speech."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from avnet.errors import DataError
from data.spoken.readers import speech_coco
from data.spoken.readers.csv_corpus import IMAGE
from data.spoken.readers.description import Row
from data.spoken.readers.flickr8k import beside, lines
from data.spoken.readers.json_corpus import entries
from data.spoken.readers.source import Kind, recognise, rows_of
from data.spoken.readers.stamp_names import ENGLISH, recordings
from data.table import place_of, read_table

TOKENS = "Flickr8k.token.txt"


def read_texts(
    source: Path, *, language: str = ENGLISH, images: Path | None = None, recordings: Path | None = None
) -> dict[Path, str]:
    """The text of each recording that has one; arguments as of `data.spoken.readers.source.read_source`.

    Returns:
        By recording, as `Description.recording` has it; where a row repeats a recording, the first. It may be empty,
        and may name recordings that are left out of the descriptions.

    Raises:
        DataError, ConfigError: the corpus cannot be read.
    """
    by_recording: dict[Path, str] = {}
    for row, text in rows_with_texts(source, language=language, images=images, recordings=recordings):
        if text and not row.reason:
            by_recording.setdefault(row.recording, text)
    return by_recording


def rows_with_texts(
    source: Path, *, language: str = ENGLISH, images: Path | None = None, recordings: Path | None = None
) -> list[tuple[Row, str]]:
    """Every row of a corpus, unchecked, with its text, which may be empty; all else as of `read_texts`."""
    rows = rows_of(source, language=language, images=images, recordings=recordings)
    kind, files = recognise(source)
    texts = _TEXTS[kind](source, files, language)
    return [(row, _clean(texts.get(row.place, ""))) for row in rows]


def _clean(text: str) -> str:
    """In one line; what is not UTF-8 becomes a question mark."""
    return " ".join(text.replace("\0", " ").encode("utf-8", "replace").decode().split())


def _of_table(path: Path) -> dict[str, str]:
    columns = {"image": IMAGE, "recording": ("recording",), "text": ("text",)}
    return {place_of(path, line): line.cells.get("text", "") for line in read_table(path, columns, ("text",))}


def _of_json(files: list[Path]) -> dict[str, str]:
    return {place: _text(fields) for file in files for place, fields in entries(file)}


def _text(fields: dict[str, Any]) -> str:
    """SpokenCOCO has texts that people read aloud, Places what a recogniser heard."""
    return next((fields[key] for key in ("text", "asr_text") if isinstance(fields.get(key), str)), "")


def _of_flickr8k(folder: Path, captions: Path) -> dict[str, str]:
    """By way of `IMAGE#CAPTION`, TAB, text."""
    tokens = beside(folder, TOKENS)
    texts = {words[0]: " ".join(words[1:]) for _, words in lines(tokens)} if tokens else {}
    return {place: texts.get("".join(words[1:3]), "") for place, words in lines(captions)}


def _of_speech_coco(source: Path) -> dict[str, str]:
    places = (one for subset in speech_coco.subsets(source) for one in speech_coco.entries(subset))
    return {place: text for place, fields in places if isinstance(text := fields.get("synthesisedCaption"), str)}


def _of_stamps(folder: Path, language: str) -> dict[str, str]:
    """Beside `dog.png` lies `dog.txt`: English in the first line, then `fr.utf8=Un chien.` and others."""
    texts = {}
    for recording, image, exact in recordings(folder, language):
        try:
            content = image.with_suffix(".txt").read_bytes().decode("utf-8-sig", "replace").splitlines()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise DataError(image.with_suffix(".txt"), f"cannot be read ({error.strerror or error})") from None
        by_language = dict(line.split(".utf8=", 1) for line in content if ".utf8=" in line)
        english = content[0] if content and exact.split("_")[0] == ENGLISH else ""
        texts[str(recording.relative_to(folder))] = by_language.get(exact, english)
    return texts


# By kind of corpus: the text at each place, from its folder or file, the files that list it, and the language.
_TEXTS: dict[Kind, Callable[[Path, list[Path], str], dict[str, str]]] = {
    "csv": lambda source, files, language: _of_table(files[0]),
    "json": lambda source, files, language: _of_json(files),
    "flickr8k": lambda source, files, language: _of_flickr8k(source, files[0]),
    "speech-coco": lambda source, files, language: _of_speech_coco(source),
    "stamps": lambda source, files, language: _of_stamps(source, language),
}
