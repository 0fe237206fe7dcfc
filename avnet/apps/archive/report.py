"""What a run over an archive did."""

from dataclasses import dataclass, field

from avnet.errors import AvnetError
from avnet.index.segment import Kind


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
