"""Captions in JSON with the splits that papers use: dataset_coco.json, dataset_flickr8k.json, dataset_flickr30k.json.

`{"images": [{"filename", "filepath", "split", "sentences": [{"raw", "tokens", "sentid"}]}]}`; `filepath`, the folder of
the image, is there for COCO alone.

Reference: Karpathy and Fei-Fei, "Deep Visual-Semantic Alignments for Generating Image Descriptions", 2015, section 4.
"""

from pathlib import Path
from typing import Any

from data.captions.readers.row import Row
from data.images.finder import ImageFinder


def karpathy_rows(path: Path, images: list[Any], finder: ImageFinder) -> list[Row]:
    """The rows of one file.

    Args:
        path: the file.
        images: its list of them.
        finder: of the images.
    """
    return [
        row
        for number, image in enumerate(images, start=1)
        for row in _rows(f"{path.name} image {number}", image, finder)
    ]


def _rows(place: str, image: Any, finder: ImageFinder) -> list[Row]:
    if not isinstance(image, dict) or not isinstance(sentences := image.get("sentences"), list):
        return [Row(place, reason="is not an image with sentences")]
    name, folder, split = image.get("filename"), image.get("filepath"), image.get("split", "")
    if not isinstance(name, str) or not isinstance(split, str):
        return [Row(place, reason="names no image" if not isinstance(name, str) else "has a split that is no name")]
    names = (f"{folder}/{name}", name) if isinstance(folder, str) and folder else (name,)
    file, reason = finder.find(*names)
    rows = []
    for number, sentence in enumerate(sentences, start=1):
        own = f"{place} sentence {number}"
        key = sentence.get("sentid", own) if isinstance(sentence, dict) else own
        rows.append(Row(own, file, _text(sentence), split, str(key), reason))
    return rows or [Row(place, file, reason=reason or "has no caption")]


def _text(sentence: Any) -> str:
    """What was written, or its words where only these are there."""
    if not isinstance(sentence, dict):
        return ""
    if isinstance(raw := sentence.get("raw"), str) and raw.strip():
        return raw
    tokens = sentence.get("tokens")
    return " ".join(token for token in tokens if isinstance(token, str)) if isinstance(tokens, list) else ""
