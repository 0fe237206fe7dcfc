"""Arrays with a row for each image or recording of a corpus: computed once, kept beside it."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from avnet.errors import DataError
from avnet.files.whole import whole_file
from data.images.corpus import ImageCorpus


def cache_array(
    corpus: ImageCorpus, name: str, shape: tuple[int, ...], dtype: Any, parts: Callable[[], Iterable[np.ndarray]]
) -> np.ndarray:
    """The array, read from its file as it is asked for; a damaged file is computed anew.

    Args:
        corpus: whose folder keeps it.
        name: of the file.
        shape: that it has.
        dtype: in which it is stored.
        parts: computes it, some rows after the other.

    Raises:
        DataError: the folder cannot be written.
    """
    file = corpus.folder / name
    if (rows_on_disk := _read(file, shape, dtype)) is not None:
        return rows_on_disk
    with whole_file(file, DataError, own=True) as temporary:
        rows = 0
        with temporary.open("wb") as stream:  # not through a map: a full disk would kill the process
            descr = np.lib.format.dtype_to_descr(np.dtype(dtype))
            np.lib.format.write_array_header_1_0(stream, {"descr": descr, "fortran_order": False, "shape": shape})
            for part in parts():
                assert part.shape[1:] == shape[1:]
                rows += len(part)
                stream.write(np.ascontiguousarray(part, dtype).tobytes())
        assert rows == shape[0]
    return np.load(file, mmap_mode="r", allow_pickle=False)


def _read(file: Path, shape: tuple[int, ...], dtype: Any) -> np.ndarray | None:
    try:
        # Mapped: grids of a large corpus may not fit into memory.
        rows = np.load(file, mmap_mode="r", allow_pickle=False) if file.is_file() else None
    except (OSError, ValueError, EOFError, OverflowError):
        return None
    return rows if rows is not None and rows.shape == shape and rows.dtype == dtype else None
