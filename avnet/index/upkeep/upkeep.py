"""What a program that keeps an index up to date asks of it beside adding."""

from collections.abc import Iterable

from avnet.index.catalogue import Catalogue
from avnet.index.entry import Source
from avnet.index.upkeep.compaction import FEW, Compaction, compact, sweep
from avnet.index.upkeep.contents import FileState, drop_files, file_states, place_files
from avnet.index.upkeep.mappings import Mappings


class Upkeep:
    """Of one open index; nobody else may write to it meanwhile (`avnet.files.lock`)."""

    def __init__(self, tables: Catalogue, mappings: Mappings):
        self._tables, self._mappings = tables, mappings

    def file_states(self) -> list[FileState]:
        """What is known of all files."""
        return file_states(self._tables)

    def rearrange(self, places: Iterable[tuple[int, Source]] = (), drops: Iterable[int] = ()) -> None:
        """Notes where files now lie and in which state, and forgets others with their rows: all of it or nothing.

        Args:
            places: number of a file, and what is now known of it.
            drops: numbers of files to forget.

        Raises:
            IndexFolderError: the folder cannot be written.
        """
        with self._tables.transaction():
            drop_files(self._tables, drops)
            place_files(self._tables, [(id, to.file, to.stamp, to.content) for id, to in places])

    def compact(self, few: int = FEW) -> Compaction:
        """Puts small segments together where there are more than a few of a kind, and deletes what nobody reads.

        Args:
            few: so many may stay.

        Raises:
            IndexFolderError: the folder cannot be written, or a segment is missing or damaged.
        """
        mappings = self._mappings
        compaction = compact(mappings.folder, self._tables, mappings.size, mappings.precision, few)
        mappings.follow(self._tables)  # or this reader would need the old ones
        self.tidy()
        return compaction

    def tidy(self) -> None:
        """Deletes segments that nobody reads any more, and what killed processes left.

        Raises:
            IndexFolderError: the folder cannot be read or written.
        """
        sweep(self._mappings.folder, self._tables)
