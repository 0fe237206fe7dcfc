"""Stamps of Tux Paint with what children hear about them: `dog.png` with `dog_desc_fr.ogg`, "un chien".

`dog_desc.ogg` is English, `7_fr.ogg` a spoken name without `desc`; `dog.ogg` is the dog's bark, but `7.ogg`, which has
spoken names in other languages beside it, says "seven".
"""

import re
from collections.abc import Iterator
from pathlib import Path

from avnet.files.tree import list_tree
from data.spoken.readers.description import Row

ENGLISH = "en"
SUFFIXES = (".ogg", ".wav")
LANGUAGE = re.compile(r"[a-z]{2,3}([_-][a-z]{2,8})?", re.IGNORECASE)
# Endings of a stem after its image's: (desc, language).
ENDING = re.compile(r"(?:_(desc))?(?:_([a-z]{2}(?:_[a-z]{2})?))?", re.IGNORECASE)


def is_stamps(folder: Path) -> bool:
    """Whether a description in any language lies in a folder or below it."""
    return any("_desc" in file.name and file.suffix in SUFFIXES for file in list_tree(folder).files)


def stamp_rows(folder: Path, language: str) -> list[Row]:
    """The recordings in one language, in order of their paths.

    Args:
        folder: of the stamps, at any depth.
        language: as the names have it, `fr`; `pt` takes in `pt_BR`.
    """
    rows = []
    for recording, image, _ in recordings(folder, language):
        place = str(recording.relative_to(folder))
        if image.is_file():
            rows.append(Row(place, image, recording))
        else:
            is_drawing = image.with_suffix(".svg").is_file()
            reason = "its image is an svg drawing, which is not read" if is_drawing else "has no image of its name"
            rows.append(Row(place, reason=reason))
    return rows


def recordings(folder: Path, language: str) -> Iterator[tuple[Path, Path, str]]:
    """Recording, image (which may be missing) and exact language of each, in order of the paths."""
    files = list_tree(folder).files
    sounds = [file for file in files if file.suffix in SUFFIXES and file.is_file()]
    images = {file.with_suffix("") for file in files if file.suffix in (".png", ".svg")}
    parts = {sound: _parts(sound, images) for sound in sounds}
    stems_with_names = {stem for stem, desc, code in parts.values() if code and not desc}
    for sound, (stem, desc, code) in parts.items():
        exact = code or (ENGLISH if desc or stem in stems_with_names else "")
        if exact.lower() == language.lower() or exact.lower().startswith(f"{language.lower()}_"):
            yield sound, Path(f"{stem}.png"), exact


def _parts(sound: Path, images: set[Path]) -> tuple[Path, bool, str]:
    """Path of the image without its suffix, whether it is a description, and its language or ''."""
    stem = sound.with_suffix("")
    cuts = [at for at in range(len(stem.name) + 1) if at == len(stem.name) or stem.name[at] == "_"]
    # The longest name that an image has: `apple_red.ogg` beside apple_red.png is no Red for apple.png.
    for at in reversed(cuts):
        ending = ENDING.fullmatch(stem.name[at:])
        if ending and at and stem.with_name(stem.name[:at]) in images:
            return stem.with_name(stem.name[:at]), bool(ending[1]), ending[2] or ""
    ending = re.search(r"_(desc)(?:_([a-z]{2}(?:_[a-z]{2})?))?$", stem.name, re.IGNORECASE)
    if ending and ending.start():
        return stem.with_name(stem.name[: ending.start()]), True, ending[2] or ""
    return stem, False, ""
