"""The split of each image of a corpus."""

from pathlib import Path

from data.corpus.jobs import content_hash
from data.splits import NAMES, hash_position, split_at


class ImageSplits:
    """An image lies in one split: the first row that names one decides.

    An image of which no row names a split gets one from the SHA-256 of its content, .8 of them train, .1 validation and
    .1 test; copies of an image stay together.
    """

    def __init__(self):
        self._splits: dict[Path, str] = {}

    def why_not(self, image: Path, name: str) -> str:
        """Why a row cannot put an image into a split; empty where it can, or names none."""
        split = NAMES.get(name.lower()) if name else ""
        if split is None:
            return f"its split {name!r} is not one of {', '.join(NAMES)}"
        if split and self._splits.get(image, split) != split:
            return f"is in {split} here and in {self._splits[image]} before"
        return ""

    def note(self, image: Path, name: str) -> None:
        """What a row says that was found possible."""
        if name:
            self._splits.setdefault(image, NAMES[name.lower()])

    def of(self, image: Path) -> tuple[str, str]:
        """The split of an image when all rows are noted, and '', or '' and why it has none: it cannot be read."""
        if image not in self._splits:
            digest, _, reason = content_hash(str(image))
            if reason:
                return "", reason
            self._splits[image] = split_at(hash_position(digest))
        return self._splits[image], ""
