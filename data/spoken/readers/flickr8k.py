"""The Flickr Audio Caption Corpus as it is published: `wav2capt.txt`, `wav2spk.txt` and `wavs/`.

A line of wav2capt.txt is `RECORDING IMAGE #CAPTION`, one of wav2spk.txt `RECORDING SPEAKER`. The images of Flickr8k
come apart, with lists of their splits.

Reference: Harwath and Glass, "Deep Multimodal Semantic Embeddings for Speech and Images", 2015, section 4.
"""

from collections.abc import Iterator
from pathlib import Path

from avnet.errors import DataError
from data.names import path_of
from data.spoken.readers.description import Row
from data.table import read_lines

CAPTIONS, SPEAKERS, WAVS = "wav2capt.txt", "wav2spk.txt", "wavs"
IMAGES = ("Flicker8k_Dataset", "Flickr8k_Dataset", "images", "Images")
SPLITS = {"train": "Flickr_8k.trainImages.txt", "dev": "Flickr_8k.devImages.txt", "test": "Flickr_8k.testImages.txt"}
TEXTS = "Flickr8k_text"


def flickr8k_rows(folder: Path, images: Path | None = None, recordings: Path | None = None) -> list[Row]:
    """The rows of the corpus.

    Args:
        folder: with wav2capt.txt.
        images: folder of the images; looked for in the folder and beside it.
        recordings: instead of `wavs`.

    Raises:
        DataError: a list or the images are missing or cannot be read.
    """
    images = images or next(filter(None, (beside(folder, name) for name in IMAGES)), None)
    if images is None:
        raise DataError(folder, f"has no images in it or beside it (expected {IMAGES[0]} or {IMAGES[2]})")
    recordings = recordings or folder / WAVS
    # The list of speakers may be missing: nothing depends on it.
    speakers = {words[0]: words[1] for _, words in lines(folder / SPEAKERS) if len(words) == 2}
    splits = listed_splits(folder)
    rows = []
    for place, words in lines(folder / CAPTIONS):
        if len(words) != 3 or any("/" in word or "\0" in word for word in words):
            rows.append(Row(place, reason="is not RECORDING IMAGE #CAPTION"))
            continue
        wav, image, _ = words
        files = path_of(images, image), path_of(recordings, wav)
        rows.append(Row(place, *files, speakers.get(wav), splits.get(image, "")))
    return rows


def lines(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Place and words of each line that is not blank; none where the file is missing.

    Raises:
        DataError: it cannot be read.
    """
    if path.is_file():
        for number, line in read_lines(path):
            yield f"{path.name} line {number}", line.split()


def beside(folder: Path, name: str) -> Path | None:
    """A file or folder in a folder, next to it, or among the texts of Flickr8k in either."""
    parent = folder.absolute().parent
    for place in (folder, parent, folder / TEXTS, parent / TEXTS):
        if (place / name).exists():
            return place / name
    return None


def listed_splits(folder: Path) -> dict[str, str]:
    """The split of each image that a list names."""
    splits = {}
    for split, name in SPLITS.items():
        if path := beside(folder, name):
            splits.update({words[0]: split for _, words in lines(path)})
    return splits
