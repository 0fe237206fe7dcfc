"""What every folder that avnet writes has in common: `artifact.json`, which says what it is and what belongs to it.

    kind, version   which class opens it (`avnet.files.kinds`), and how it is laid out
    fingerprint     SHA-256 over kind, config, requires and the SHA-256 of every file: folders of one fingerprint
                    answer alike, whatever their place and card
    requires        fingerprints of what it was trained on or belongs to, by name: {"units": ...}
    config          plain values that decide what it does
    facts           plain values that do not: figures on validation, counts
    files           size and SHA-256 of each file, by name

Weights are `weights.safetensors`, for people there is `README.md`; nothing is pickled. A folder appears whole or not at
all. What somebody else may have written is read with suspicion: each file must be a regular one of the size and SHA-256
that the header says, and the header must have its own fingerprint. That finds damage, not malice: who can write the
folder can write the sums too, so everything is checked again as it is used.
"""

import contextlib
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_safetensors

from avnet.errors import AvnetError, ConfigError
from avnet.files.json_file import parse_json, read_regular
from avnet.files.kinds import INDEX, KINDS, Kind
from avnet.files.ownership import RECEIPTS, is_result
from avnet.files.tree import own_folders
from avnet.files.whole import refuse_other, whole_folder, write_bytes

HEADER, WEIGHTS, CARD = "artifact.json", "weights.safetensors", "README.md"
# Bytes of a header, and of a file that is read as a whole.
LARGEST_HEADER, LARGEST_FILE = 1 << 20, 1 << 34
# Kinds that a refusal names; of more it says only that the folder is none of them.
MOST_TITLES = 5
# Where version 1 said what it was.
EARLIER = ("config.json", "voice.json", "export.json")


class File(NamedTuple):
    """What the header says of a file: its size in bytes, and its SHA-256, hexadecimal."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Header:
    """What a folder says of itself, checked.

    Attributes:
        folder: where it lies.
        kind: of it.
        fingerprint, requires, config, facts, files: as above.
    """

    folder: Path
    kind: Kind
    fingerprint: str
    requires: dict[str, str]
    config: dict[str, Any]
    facts: dict[str, Any]
    files: Mapping[str, File]

    def file(self, name: str) -> Path:
        """A file that is there, of the right size; its content is not read.

        Raises:
            AvnetError: it is missing, no regular file, or of another size.
        """
        path = self.folder / name
        if name not in self.files:
            raise self.kind.refusal(self.folder, f"is damaged: {HEADER} lists no {name}")
        try:
            size = path.stat().st_size if path.is_file() else None  # a pipe would be waited for
        except OSError:
            size = None
        if size is None:
            raise self.kind.refusal(path, "is missing or cannot be read")
        if size != self.files[name].bytes:
            raise self.kind.refusal(path, f"is damaged: it has {size:,} bytes instead of {self.files[name].bytes:,}")
        return path

    def read(self, name: str) -> bytes:
        """What a file holds.

        Raises:
            AvnetError: it is missing, damaged, or larger than 16 GiB.
        """
        path = self.file(name)
        try:
            content = read_regular(path, LARGEST_FILE)
        except (OSError, ValueError) as error:
            raise self.kind.refusal(path, f"is missing or cannot be read ({error})") from None
        if hashlib.sha256(content).hexdigest() != self.files[name].sha256:
            raise self.kind.refusal(path, f"is damaged: it has another SHA-256 than {HEADER} says")
        return content

    def arrays(self, name: str = WEIGHTS) -> dict[str, np.ndarray]:
        """The arrays of a safetensors file.

        Raises:
            AvnetError: it is missing or damaged, or holds numbers that NumPy has no type for.
        """
        content = self.read(name)
        try:
            return load_safetensors(content)
        except (SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise self.kind.refusal(self.folder / name, f"is damaged ({error})") from None

    def card(self) -> str:
        """The page for people; empty where there is none."""
        try:
            return read_regular(self.folder / CARD, LARGEST_HEADER).decode(errors="replace")
        except (OSError, ValueError):
            return ""

    def verify(self) -> None:
        """Reads all files.

        Raises:
            AvnetError: one is missing or damaged.
        """
        for name, file in self.files.items():
            if sha256_of(self.file(name)) != file.sha256:
                raise self.kind.refusal(self.folder / name, f"is damaged: it has another SHA-256 than {HEADER} says")

    def check_requirement(self, name: str, fingerprint: str) -> None:
        """Refuses a folder that was made for something else.

        Args:
            name: of what it requires: 'units'.
            fingerprint: of what there is.

        Raises:
            AvnetError: it requires another, or none.
        """
        expected = self.requires.get(name)
        if expected != fingerprint:
            there = f"{expected[:12]}..., not {fingerprint[:12]}..." if expected else "it names none"
            raise self.kind.refusal(self.folder, f"was made with {name} of another fingerprint ({there})")

    @contextlib.contextmanager
    def parsing(self) -> Iterator[None]:
        """Around code that takes the configuration and arrays apart: what it raises says that they cannot be.

        Raises:
            AvnetError: in place of ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError and
                ConfigError.
        """
        try:
            yield
        except (ValueError, LookupError, TypeError, AttributeError, OverflowError, ConfigError) as error:
            raise self.kind.refusal(self.folder, f"is not {self.kind.title}, or damaged ({error})") from None


@runtime_checkable
class Artifact(Protocol):
    """What a folder of some kind is opened as."""

    @classmethod
    def load(cls, path: str | Path) -> Any:
        """Opens a folder.

        Raises:
            AvnetError: it is of another kind or version, or damaged.
        """
        ...

    @staticmethod
    def summary(header: Header) -> dict[str, str]:
        """What a user would ask of it, by name, without reading its weights."""
        ...


@dataclass
class Draft:
    """A folder that is being written.

    Attributes:
        folder: empty; each regular file that is put into it becomes part of what is fingerprinted. Folders in it are
            artifacts of their own, to be named in `requires`.
        config, requires, facts: of the header.
        fingerprint: once it is written.
    """

    folder: Path
    config: dict[str, Any] = field(default_factory=dict)
    requires: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    fingerprint: str = ""


@contextlib.contextmanager
def new_artifact(path: str | Path, kind: Kind, card: str = "") -> Iterator[Draft]:
    """Writes a folder, which takes the place of `path` and all in it when the block succeeds.

    Args:
        path: the folder; an earlier one of this kind there is replaced, anything else refused.
        kind: of it.
        card: for people, Markdown: what it learned from, metrics, limits; without one there is no `README.md`.

    Raises:
        AvnetError: it cannot be written; an earlier one stays.
    """
    path = Path(path)
    with whole_folder(path, lambda earlier: _foreign(earlier, kind), kind.refusal) as folder:
        draft = Draft(folder)
        yield draft
        members = sorted(file for file in folder.iterdir() if file.is_file())
        files = {file.name: File(file.stat().st_size, sha256_of(file)) for file in members}
        write_header(draft, kind, files)
        if card:
            # After the header: the card is for people, and folders that differ in it alone have one fingerprint.
            (folder / CARD).write_text(card, encoding="utf-8", errors="replace")


def check_place(path: Path, kind: Kind) -> None:
    """Makes sure, before the work begins, that a folder may be written: `new_artifact` would refuse it at the end.

    Raises:
        AvnetError: something else lies there.
    """
    refuse_other(path, lambda earlier: _foreign(earlier, kind), kind.refusal)


def _foreign(folder: Path, kind: Kind) -> str | None:
    """Why a folder that is not empty is not to be replaced by one of a kind; None where it is of this kind, whole."""
    try:
        header = read_header(folder, kind)
    except AvnetError as error:
        return f"it {error.reason}" if (folder / HEADER).exists() else f"it is not empty, and not {kind.title}"
    own = {HEADER, CARD, RECEIPTS, *header.files, *header.requires}
    # Results of an evaluation lie in the model's folder; they go with the model that they tell of.
    rest = (entry for entry in folder.iterdir() if entry.name not in own and not _is_own(entry))
    others = sorted(entry.name for entry in rest if not is_result(entry))
    return f"it holds {others[0]}, which avnet did not write" if others else None


def _is_own(entry: Path) -> bool:
    return entry.is_dir() and entry in own_folders(entry.iterdir())


def write_header(draft: Draft, kind: Kind, files: Mapping[str, File]) -> None:
    """Writes `artifact.json` into the folder of a draft.

    Raises:
        AvnetError: it would be larger than is read, or something that it requires has no fingerprint.
    """
    if nameless := sorted(name for name, fingerprint in draft.requires.items() if not fingerprint):
        raise kind.refusal(draft.folder, f"cannot be written: {nameless[0]} has no fingerprint to know it by")
    sums = {name: file.sha256 for name, file in files.items()}
    draft.fingerprint = fingerprint_of(kind, draft.config, draft.requires, sums)
    values = {
        "kind": kind.name,
        "version": kind.version,
        "fingerprint": draft.fingerprint,
        "requires": draft.requires,
        "config": draft.config,
        "facts": draft.facts,
        "files": {name: file._asdict() for name, file in files.items()},
    }
    content = (json.dumps(values, indent=2) + "\n").encode()
    if len(content) > LARGEST_HEADER:
        raise kind.refusal(draft.folder, f"cannot be written: its header has {len(content):,} bytes")
    # Whole by itself too: an index is no folder that is renamed when it is complete.
    write_bytes(draft.folder / HEADER, content, kind.refusal, own=True)


def fingerprint_of(kind: Kind, config: Mapping[str, Any], requires: Mapping[str, str], sums: Mapping[str, str]) -> str:
    """SHA-256, hexadecimal, of all that decides what an artifact does.

    Args:
        kind: of it.
        config: plain values.
        requires: fingerprints by name.
        sums: SHA-256 of each file by name.
    """
    # Sorted: the order in which a dict was filled decides nothing.
    identity = {"kind": kind.name, "config": config, "requires": requires, "files": sums}
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()


def read_header(path: str | Path, *kinds: Kind) -> Header:
    """What a folder says of itself.

    Args:
        path: the folder.
        kinds: that will do; the first gives the class of the error where there is none.

    Raises:
        AvnetError: there is nothing, or something else; it is of another kind, or written by an earlier or newer
            avnet; what it says is damaged.
    """
    folder, expected = Path(path), kinds[0]
    try:
        content = read_regular(folder / HEADER, LARGEST_HEADER)
    except (OSError, ValueError) as error:
        raise expected.refusal(folder, _absence(folder, kinds, error)) from None
    try:
        values = parse_json(content)
        name, version = values["kind"], values["version"]
        if not isinstance(name, str) or isinstance(version, bool) or not isinstance(version, int):
            raise ValueError(f"of the kind {name!r}, version {version!r}")
    except (ValueError, LookupError, TypeError) as error:
        raise expected.refusal(
            folder, f"is not {_titles(kinds)}, or damaged: {HEADER} cannot be read ({error})"
        ) from None
    if name not in {kind.name for kind in kinds}:
        title = KINDS[name].title if name in KINDS else f"of the kind {name!r}, which this avnet does not know"
        # Where too many would do to be named, it cannot be said that the folder is none that avnet wrote.
        unnamed = name in KINDS and len(kinds) > MOST_TITLES
        raise expected.refusal(
            folder, f"is {title}, {'which cannot be used here' if unnamed else f'not {_titles(kinds)}'}"
        )
    kind = KINDS[name]
    if version != kind.version:
        earlier = f"an earlier avnet (version {version}); {kind.again}"
        newer = f"a newer avnet (version {version}); update avnet to read it"
        raise kind.refusal(folder, f"was written by {earlier if version < kind.version else newer}")
    return _header(folder, kind, values)


def sha256_of(file: Path) -> str:
    """SHA-256 of what a file holds, hexadecimal, read in parts."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _header(folder: Path, kind: Kind, values: dict[str, Any]) -> Header:
    try:
        files = {name: _file(name, **entry) for name, entry in values["files"].items()}
        requires, config = dict(values["requires"]), dict(values["config"])
        if not all(isinstance(value, str) and value for value in requires.values()):
            raise ValueError("what it requires are not fingerprints")
        sums = {name: file.sha256 for name, file in files.items()}
        if values["fingerprint"] != fingerprint_of(kind, config, requires, sums):
            raise ValueError("its fingerprint does not match its content")
        return Header(folder, kind, values["fingerprint"], requires, config, dict(values["facts"]), files)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise kind.refusal(folder, f"is not {kind.title}, or damaged: {HEADER} is not valid ({error})") from None


def _file(name: str, bytes: Any, sha256: Any) -> File:
    # A name with a slash would lead out of the folder; JSON's true is an int to Python.
    if Path(name).name != name or isinstance(bytes, bool) or not isinstance(bytes, int) or not isinstance(sha256, str):
        raise ValueError(f"a file is {name!r}, {bytes!r} bytes")
    return File(bytes, sha256)


def _absence(folder: Path, kinds: tuple[Kind, ...], error: Exception) -> str:
    """Why a folder without a header is refused."""
    try:
        if not folder.exists():
            return "does not exist"
        if not folder.is_dir():
            return f"is not {_titles(kinds)}: it is not a folder"
    except OSError as failure:
        return f"cannot be read ({failure.strerror})"
    # A link that leads nowhere does not exist, and yet it is there.
    if (folder / HEADER).is_symlink() or (folder / HEADER).exists():
        return f"is not {_titles(kinds)}: {HEADER} cannot be read ({getattr(error, 'strerror', None) or error})"
    if (kind := earlier(folder)) is not None:
        return f"was written by an earlier avnet (version 1); {kind.again}"
    return f"is not {_titles(kinds)}: it has no {HEADER}"


def earlier(folder: Path) -> Kind | None:
    """The kind of a folder of version 1; None where it is none."""
    for name in EARLIER:
        with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
            form = parse_json(read_regular(folder / name, LARGEST_FILE))["format"]
            # Spaces were called speech then.
            if match := re.fullmatch(r"avnet-(\w+)-1", str(form)):
                return KINDS.get({"speech": "space"}.get(match[1], match[1]))
    return INDEX if (folder / "index.sqlite").is_file() else None


def _titles(kinds: tuple[Kind, ...]) -> str:
    if len(kinds) > MOST_TITLES:
        return "a folder that avnet wrote"
    *before, last = [kind.title for kind in kinds]
    return f"{', '.join(before)} or {last}" if before else last
