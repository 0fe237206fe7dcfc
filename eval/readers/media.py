"""The files of a folder by the names that lists and annotations give them."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from avnet.errors import DataError
from avnet.files.tree import list_tree
from avnet.media.suffixes import IMAGES, SOUNDS, VIDEOS
from data.names import fold_name, why_none


class MediaFolder:
    """Finds media below a folder by the name without its suffix: a video, or an image and a sound."""

    def __init__(self, folder: str | Path):
        """Lists the folder.

        Raises:
            DataError: it is not a folder.
        """
        folder = Path(folder)
        if not folder.is_dir():
            raise DataError(folder, "is not a folder of media")
        suffixes = VIDEOS | IMAGES | SOUNDS
        files = [path for path in list_tree(folder).files if path.suffix.lower() in suffixes]
        tables = tuple(_by_stem(files, kind) for kind in (VIDEOS, IMAGES, SOUNDS))
        # To the letter, then by what case and the form of accents leave of a name, where one file alone has it.
        self._tables = tables, tuple(map(_folded, tables))

    def find(self, name: str) -> tuple[Path, Path] | None:
        """(image, sound) of a name: twice the same video, or two files; None where they are not there."""
        for videos, images, sounds in self._tables:
            if name in videos:
                return videos[name], videos[name]
            if name in images and name in sounds:
                return images[name], sounds[name]
            name = fold_name(name)
        return None

    def find_file(self, name: str) -> Path | None:
        """The file of a name: its video, else its sound, else its image; None where there is none of them."""
        for videos, images, sounds in self._tables:
            for files in (videos, sounds, images):
                if name in files:
                    return files[name]
            name = fold_name(name)
        return None

    def why_none(self, names: Iterable[str]) -> str:
        """Which names were looked for and which are there, where none was found."""
        return why_none(names, {stem for table in self._tables[0] for stem in table})


def _by_stem(files: Iterable[Path], suffixes: frozenset[str]) -> dict[str, Path]:
    return {path.stem: path for path in files if path.suffix.lower() in suffixes}


def _folded(files: dict[str, Path]) -> dict[str, Path]:
    counts = Counter(map(fold_name, files))
    return {fold_name(stem): file for stem, file in files.items() if counts[fold_name(stem)] == 1}
