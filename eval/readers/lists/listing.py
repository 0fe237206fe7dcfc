"""The clips of a list and their files: which are there, and which are missing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from avnet.errors import DataError
from eval.readers.lists.clip import LabelledClip, usual_spelling
from eval.readers.media import MediaFolder


@dataclass(frozen=True)
class Listing:
    """A list beside a folder.

    Attributes:
        files: a clip of the list and its file, for all that are there.
        missing: clips of which there is no file.
    """

    files: list[tuple[LabelledClip, Path]]
    missing: list[LabelledClip]


def find_clips(
    clips: Sequence[LabelledClip],
    folder: str | Path,
    spellings: Callable[[LabelledClip], Sequence[str]] = usual_spelling,
) -> Listing:
    """Finds the files of clips at any depth of a folder, each by the first of its spellings that is there.

    Args:
        clips: of a list.
        folder: with their files.
        spellings: gives the names that the file of a clip may have.

    Raises:
        DataError: it is not a folder, or holds none of them.
    """
    media = MediaFolder(folder)
    files, missing = [], []
    for clip in clips:
        paths = (media.find_file(name) for name in spellings(clip))
        path = next((path for path in paths if path is not None), None)
        if path is None:
            missing.append(clip)
        else:
            files.append((clip, path))
    if not files:
        names = [clip.name for clip in missing]
        raise DataError(folder, f"holds none of the {len(names)} clips of the list: {media.why_none(names)}")
    return Listing(files, missing)
