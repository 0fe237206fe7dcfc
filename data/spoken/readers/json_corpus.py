"""Spoken captions in JSON, as the corpora of Places, COCO and Flickr8k come with DAVEnet and ResDAVEnet-VQ.

`{"image_base_path": ..., "audio_base_path": ..., "data": [...]}` with one entry a recording, `{"image", "wav",
"speaker", "uttid"}` (Places, Flickr8k), or one for each image, `{"image", "captions": [{"wav", "speaker", "uttid"}]}`
(SpokenCOCO). The base paths are those of whoever wrote the file, or missing.

Reference: Harwath and Glass, "Deep Multimodal Semantic Embeddings for Speech and Images", 2015; Hsu et al., "Text-Free
Image-to-Speech Synthesis Using Learned Segmental Units", 2021, section 4.1 (SpokenCOCO).
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from avnet.errors import DataError
from avnet.files.json_file import read_json
from data.names import path_of
from data.splits import split_in_name
from data.spoken.readers.description import Row


def json_rows(path: Path, images: Path | None = None, recordings: Path | None = None) -> list[Row]:
    """The rows of one file; its name says the split, as in `SpokenCOCO_val.json`, where the entries do not.

    Args:
        path: the file.
        images: folder of the images, instead of the base path in the file.
        recordings: folder of the recordings, likewise.

    Raises:
        DataError: it is not such JSON.
    """
    corpus = _read(path)
    items = list(_items(path, corpus["data"]))
    images = images or _base(path, corpus.get("image_base_path"), [item.get("image") for _, item in items])
    recordings = recordings or _base(path, corpus.get("audio_base_path"), [item.get("wav") for _, item in items])
    split = split_in_name(path.stem)
    return [_row(place, item, images, recordings, split) for place, item in items]


def entries(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Place and fields of every recording, with those of its image below them.

    Raises:
        DataError: it is not such JSON.
    """
    return _items(path, _read(path)["data"])


def is_corpus(path: Path) -> bool:
    """Whether a JSON file lists spoken captions."""
    try:
        _read(path)
    except DataError:
        return False
    return True


def _read(path: Path) -> dict[str, Any]:
    try:
        corpus = read_json(path)
    except (OSError, ValueError) as error:
        raise DataError(path, f"is not JSON that can be read ({error})") from None
    if not isinstance(corpus, dict) or not isinstance(corpus.get("data"), list):
        raise DataError(path, 'is not a list of spoken captions (expected {"data": [{"image": ..., "wav": ...}]})')
    return corpus


def _items(path: Path, data: list[Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    number = 0
    for entry in data:
        captions = entry.get("captions", [{}]) if isinstance(entry, dict) else [None]
        for caption in captions if isinstance(captions, list) else [None]:
            number += 1
            fields = {**entry, **caption} if isinstance(caption, dict) else {}
            yield f"{path.name} caption {number}", fields


def _base(path: Path, own: Any, names: list[Any]) -> Path:
    """The folder that the file states if it is there, else that of the file, or its parent where SpokenCOCO lies."""
    if isinstance(own, str) and own and "\0" not in own and (base := path.parent / own).is_dir():
        return base
    first = next((name for name in names if isinstance(name, str) and name and "\0" not in name), "")
    folders = (path.parent, path.parent.absolute().parent)
    return next((folder for folder in folders if first and os.path.isfile(folder / first)), path.parent)


def _row(place: str, item: dict[str, Any], images: Path, recordings: Path, split: str) -> Row:
    files = []
    for key, base in (("image", images), ("wav", recordings)):
        name = item.get(key)
        if not isinstance(name, str) or not name:
            return Row(place, reason=f"names no {key}")
        file = path_of(base, name)
        # Such files come from strangers, and what they name ends up in a corpus.
        if "\0" in name or not file.is_relative_to(path_of(base, ".")):
            return Row(place, reason=f"{name!r} leaves the folder {base}")
        files.append(file)
    speaker, own = item.get("speaker"), item.get("split")
    image, recording = files
    own = own if isinstance(own, str) and own else split
    return Row(place, image, recording, str(speaker) if speaker else None, own)
