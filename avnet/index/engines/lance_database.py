"""A database of LanceDB: a table of rows for each kind, and one with the header, which is written last.

| table | columns |
|---|---|
| `image`, `sound` | segment, row, file, changed_ns, time_s, vector, and scale where the vectors are of 8 bits |
| `header` | json: format, model, size, precision, and number, kind and rows of each segment |

Rows lie in the order in which they were added to the index that they come from. A database without a header is one
whose writing was cut short.
"""

import contextlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from avnet.errors import AvnetError, ConfigError, IndexFolderError
from avnet.index.catalogue import LARGEST_SIZE
from avnet.index.engines.address import is_remote
from avnet.index.segment import KINDS, Kind

FORMAT = 1
HEADER = "header"
LancePrecision = Literal["float32", "float16", "int8"]
PRECISIONS: tuple[LancePrecision, ...] = ("float32", "float16", "int8")
# A bucket that does not answer is refused within a minute, not after ten tries.
_PATIENCE = {"connect_timeout": "10s", "timeout": "60s", "client_max_retries": "3", "client_retry_timeout": "30"}
# Where in the source of Rust an error arose, of which it tells too.
_RUST_PLACE = re.compile(r",? /\S+\.rs:\d+:\d+")


@dataclass(frozen=True)
class LanceHeader:
    """What a database says of itself.

    Attributes:
        model: fingerprint of the model whose vectors it holds.
        size: length of a vector.
        precision: in which they are stored; int8 is each vector times 127 over its largest number, rounded.
        segments: number, kind and rows of each segment, by rising number.
    """

    model: str
    size: int
    precision: LancePrecision
    segments: tuple[tuple[int, Kind, int], ...]

    def to_json(self) -> str:
        """As it is stored."""
        values = {"model": self.model, "size": self.size, "precision": self.precision, "segments": self.segments}
        return json.dumps({"format": FORMAT, **values})

    @classmethod
    def of_json(cls, address: str, text: str) -> "LanceHeader":
        """As it was stored.

        Raises:
            IndexFolderError: it is of a newer avnet, or damaged.
        """
        try:
            values = json.loads(text)
            if (format := int(values["format"])) > FORMAT:
                raise IndexFolderError(address, f"was written by a newer avnet (format {format}); update avnet")
            segments = tuple((int(id), kind, int(rows)) for id, kind, rows in values["segments"])
            size, precision = int(values["size"]), values["precision"]
            ids = [id for id, _, _ in segments]
            if not 1 <= size <= LARGEST_SIZE or precision not in PRECISIONS or ids != sorted(set(ids)):
                raise ValueError("sizes that cannot be")
            if any(kind not in KINDS or not 1 <= rows < 1 << 40 for _, kind, rows in segments):
                raise ValueError("segments that cannot be")
            return cls(str(values["model"]), size, precision, segments)
        except (ValueError, KeyError, TypeError) as error:
            raise IndexFolderError(address, f"is not an index, or damaged ({error})") from None


def lancedb() -> Any:
    """The package.

    Raises:
        ConfigError: it is not installed.
    """
    # What it tells of every new table is nothing to a user.
    os.environ.setdefault("LANCEDB_LOG", "error")
    try:
        import lancedb  # pyright: ignore[reportMissingImports]: an extra
    except ImportError:
        raise ConfigError(
            "lancedb", "is not installed; it comes with the extra: pip install 'avnet[lancedb]'"
        ) from None
    return lancedb


def connect(address: str) -> Any:
    """Opens a database, which need not be there yet.

    Raises:
        ConfigError: lancedb is not installed.
        IndexFolderError: it cannot be reached.
    """
    package = lancedb()
    with refusals(address, "cannot be opened"):
        return package.connect(address, storage_options=_PATIENCE if is_remote(address) else None)


def table_names(database: Any) -> list[str]:
    """Names of all tables."""
    return list(database.list_tables().tables)


@contextlib.contextmanager
def refusals(address: str, what: str) -> Iterator[None]:
    """Turns whatever LanceDB raises into one line.

    Raises:
        IndexFolderError: it raised something.
    """
    try:
        yield
    except AvnetError:
        raise
    # It declares no class of its own; what Rust reports comes as one of these.
    except (RuntimeError, ValueError, OSError, KeyError, TypeError) as error:
        text = _RUST_PLACE.sub("", str(error))
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        raise IndexFolderError(address, f"{what} ({lines[0][:300] if lines else type(error).__name__})") from None
