"""Which kind of captions lies somewhere, and its rows."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

from avnet.errors import DataError
from avnet.files.json_file import read_json
from data.captions.readers import coco, tokens
from data.captions.readers.coco import coco_rows, refuse_several_years
from data.captions.readers.karpathy import karpathy_rows
from data.captions.readers.row import Row
from data.captions.readers.spoken_texts import spoken_rows
from data.captions.readers.table import CAPTION, table_rows
from data.captions.readers.tokens import token_rows
from data.captions.readers.web_table import web_rows
from data.images.finder import ImageFinder
from data.spoken.readers.csv_corpus import IMAGE
from data.spoken.readers.source import recognise
from data.spoken.readers.speech_coco import DATABASE
from data.table import first_line, line_names_columns

Kind = Literal["table", "json", "tokens", "web", "spoken"]
# By kind, the one file of a folder that lists its captions, in the order in which they are looked for.
LISTS: tuple[tuple[Kind, tuple[str, ...]], ...] = (
    ("table", ("captions.csv", "captions.txt", "corpus.csv")),
    ("json", ("dataset*.json",)),
    ("tokens", tokens.FILES),
)


class Place(NamedTuple):
    """Where captions lie.

    Attributes:
        source: file or folder, as it was named.
        files: that list them.
        images: folder of the images; None where nobody says.
        language: of stamps.
        finder: of the images.
    """

    source: Path
    files: list[Path]
    images: Path | None
    language: str
    finder: ImageFinder


def rows_of(source: Path, images: Path | None = None, language: str = "en") -> list[Row]:
    """What a corpus says, unchecked.

    Args:
        source: a file of captions, or a folder with such files or with spoken descriptions.
        images: folder of the images.
        language: of the texts of stamps.

    Raises:
        DataError: it is none.
        ConfigError: the language is none, or the corpus names its images itself.
    """
    if images is not None and not images.is_dir():
        raise DataError(images, "is not a folder" if images.exists() else "does not exist")
    kind, files = recognize(source)
    finder = ImageFinder(files[0].parent if files else source, images)
    return ROWS[kind](Place(source, files, images, language, finder))


def recognize(source: Path) -> tuple[Kind, list[Path]]:
    """The kind of a corpus, and the files that list it.

    Raises:
        DataError: it is none.
    """
    if source.is_dir():
        return _recognize_folder(source)
    if not source.is_file():
        raise DataError(source, "is not a regular file" if source.exists() else "does not exist")
    if source.suffix.lower() == DATABASE:
        return "spoken", [source]
    if source.suffix.lower() == ".json":
        return "json", [source]
    line = first_line(source)
    if tokens.LINE.fullmatch(line):
        return "tokens", [source]
    columns = any(line_names_columns(line, image, caption) for image in IMAGE for caption in CAPTION)
    return ("web" if "\t" in line and not columns else "table"), [source]


def _recognize_folder(folder: Path) -> tuple[Kind, list[Path]]:
    for kind, names in LISTS:
        files = [file for name in names for file in sorted(folder.glob(name))]
        if len(files) > 1:
            several = " and ".join(file.name for file in files[:2])
            raise DataError(folder, f"holds {several}, which may be of the same images; name one file")
        if files:
            return kind, files
    if files := sorted(folder.glob(coco.FILES)):
        refuse_several_years(folder, files)
        return "json", files
    if files := sorted(folder.glob("*.tsv")):
        return "web", files
    try:
        recognise(folder)
    except DataError:
        expected = ", ".join(name for _, names in LISTS for name in names)
        reason = f"holds no captions (expected {expected}, {coco.FILES}, *.tsv, or spoken descriptions with texts)"
        raise DataError(folder, reason) from None
    return "spoken", []


def _of_json(place: Place) -> list[Row]:
    return [row for file in place.files for row in _of_json_file(place, file)]


def _of_json_file(place: Place, file: Path) -> list[Row]:
    try:
        content = read_json(file)
    except (OSError, ValueError) as error:
        raise DataError(file, f"is not JSON that can be read ({error})") from None
    fields = content.items() if isinstance(content, dict) else ()
    lists = {key: value for key, value in fields if isinstance(value, list)}
    if "images" in lists and "annotations" in lists:
        return coco_rows(file, lists["images"], lists["annotations"], place.finder)
    if "images" in lists:
        return karpathy_rows(file, lists["images"], place.finder)
    if "data" in lists:
        return spoken_rows(file, place.images, place.language)
    raise DataError(file, 'lists no captions (expected {"images": [...]} of Karpathy or COCO, or {"data": [...]})')


# What reads each kind.
ROWS: dict[Kind, Callable[[Place], list[Row]]] = {
    "table": lambda place: table_rows(place.files[0], place.finder, place.images),
    "json": _of_json,
    "tokens": lambda place: token_rows(place.files[0], place.finder),
    "web": lambda place: web_rows(place.files, place.finder),
    "spoken": lambda place: spoken_rows(place.source, place.images, place.language),
}
