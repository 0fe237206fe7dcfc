"""Where the images of a corpus lie that its lists name, in the folders that copies usually have."""

import os
from collections.abc import Sequence
from pathlib import Path

from data.names import path_of

# Beside a list, or beside the folder of the lists.
USUAL = ("images", "Images", "Flicker8k_Dataset", "Flickr8k_Dataset", "flickr30k-images", "flickr30k_images")


class ImageFinder:
    """Finds images by the names that a list has for them, in one folder or in the usual places about the list."""

    def __init__(self, lists: Path, images: Path | None = None):
        """Lists the folders to search.

        Args:
            lists: folder of the lists.
            images: folder of the images; nothing else is searched then.
        """
        around = (lists, lists.absolute().parent)
        usual = [folder / name for folder in around for name in USUAL if (folder / name).is_dir()]
        self.folders: Sequence[Path] = [images] if images is not None else [*usual, *around]
        self._found: dict[tuple[str, ...], tuple[Path, str]] = {}

    def find(self, *names: str) -> tuple[Path, str]:
        """The file of an image, and why it is none; the reason is empty for a file that is merely missing, too.

        Args:
            names: that it may have, relative to the folders; the usual one first.
        """
        if names not in self._found:
            self._found[names] = self._find(names)
        return self._found[names]

    def _find(self, names: tuple[str, ...]) -> tuple[Path, str]:
        paths = []
        for folder in self.folders:
            for name in names:
                path = path_of(folder, name)
                # Such lists come from strangers, and what they name ends up in a corpus.
                if not name or "\0" in name or not path.is_relative_to(path_of(folder, ".")):
                    return Path(), f"{name!r} leaves the folder {folder}" if name else "names no image"
                if os.path.isfile(path):
                    return path, ""
                paths.append(path)
        return paths[0], ""
