"""What a run over an archive did."""

from dataclasses import dataclass, field
from pathlib import Path

from avnet.apps.archive.rejects import REJECTS
from avnet.errors import AvnetError
from avnet.index.segment import Kind
from avnet.media.clips import SILENCE_DBFS


@dataclass
class IndexReport:
    """What became of the inputs of one run.

    Attributes:
        images: that were added.
        sounds: that were added.
        silent: clips that were left out because nothing can be heard in them.
        files: whose images and sounds were added.
        unchanged: files that were there already, unchanged.
        moved: files that were there already, under another name.
        gone: files of the index that are there no more, and whose rows stayed.
        pruned: files whose rows were removed since they are there no more.
        unread: files that could not be read before, are as they were then, and were not tried again.
        refusals: why files were left out.
        counts: of each kind, all that the index now holds.
        indexed_files: files with at least one entry in the index.
    """

    images: int = 0
    sounds: int = 0
    silent: int = 0
    files: int = 0
    unchanged: int = 0
    moved: int = 0
    gone: int = 0
    pruned: int = 0
    unread: int = 0
    refusals: tuple[AvnetError, ...] = ()
    counts: dict[Kind, int] = field(default_factory=dict)
    indexed_files: int = 0

    @property
    def changed(self) -> bool:
        """Whether the run did anything, or had something to refuse."""
        return bool(self.files or self.moved or self.pruned or self.refusals)

    def changes(self, index: Path) -> list[str]:
        """What the run did, in words.

        Args:
            index: folder of the index.
        """
        lines = [f"added {self.images} images and {self.sounds} sounds of {self.files} files"]
        if self.silent:
            lines.append(f"left out {self.silent} silent clips (below {SILENCE_DBFS:g} dBFS)")
        if self.unchanged:
            lines.append(f"skipped {self.unchanged} files that were there already")
        if self.moved:
            lines.append(f"found {self.moved} files under another name, and embedded none of them again")
        if self.pruned:
            lines.append(f"removed the entries of {self.pruned} files that are gone")
        if self.gone:
            lines.append(
                f"kept the entries of {self.gone} files that are gone; --update --prune removes those of folders named"
            )
        if self.unread:
            lines.append(f"skipped {self.unread} files that could not be read before and have not changed")
        if self.refusals:
            lines.append(f"rejected {len(self.refusals)} files; see {index / REJECTS}")
        return lines

    def total(self, index: Path) -> str:
        """What the index now holds, in words."""
        total = f"{self.counts['image']} images and {self.counts['sound']} sounds of {self.indexed_files} files"
        return f"{index} holds {total}"
