"""Fetching models from the Hugging Face Hub, when their address is named and at no other time.

Of a repository only the files are fetched that folders of avnet have: JSON, safetensors and Markdown, of bounded number
and size; they are data, and nothing in them is run. A branch or a tag is first resolved to a commit. What was fetched
stays in the cache of `huggingface_hub`, whose links `avnet.files` follows; a commit that is there is opened without
asking anybody.
"""

import contextlib
import logging
import re
import sys
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from avnet import __version__
from avnet.errors import AvnetError, ConfigError, ModelFolderError
from avnet.events import Listener, nobody, steps
from avnet.files.artifact import CARD, HEADER, LARGEST_HEADER, read_header
from avnet.files.kinds import KINDS
from avnet.zoo.address import COMMIT, Address

SUFFIXES = (".json", ".safetensors", ".md")
# No part begins with a dot, so none leads out of the folder; parts of a describer lie one folder deeper.
NAME = re.compile(r"(?:[A-Za-z0-9_-][\w.-]*/){0,2}[A-Za-z0-9_-][\w.-]*", re.ASCII)
MOST_FILES, MOST_BYTES = 200, 1 << 32
TIMEOUT_S = 10.0
LOG_IN = "log in with `hf auth login` or set HF_TOKEN"


def download(address: Address, on_event: Listener = nobody) -> tuple[Address, Path]:
    """Fetches a model, or finds it in the cache.

    Args:
        address: of it.
        on_event: is told of progress.

    Returns:
        The address with the commit, and the folder on this machine.

    Raises:
        ConfigError: `huggingface_hub` is not installed.
        ModelFolderError: it cannot be reached, does not exist, is not for everybody, holds no model, or too much.
    """
    hub = client(address)
    with refusals(address):
        if address.is_pinned and (folder := _cached(address)) is not None:
            return address, folder
        info = hub.model_info(address.repository, revision=address.revision, files_metadata=True, timeout=TIMEOUT_S)
        if not isinstance(info.sha, str) or not COMMIT.fullmatch(info.sha):
            raise ModelFolderError(str(address), f"has no commit: the Hub answered {info.sha!r}")
        pinned = replace(address, revision=info.sha)
        if (folder := _cached(pinned)) is None:
            names = _files(pinned, info.siblings or [])
            for name in steps(names, f"fetching {address.repository}", len(names), "files", on_event):
                hub.hf_hub_download(pinned.repository, name, revision=pinned.revision)
            folder = _cached(pinned)
    if folder is None:
        raise ModelFolderError(str(pinned), f"cannot be opened: {HEADER} lists files that it does not hold")
    return pinned, folder


def client(address: Address) -> Any:
    """What speaks with the Hub.

    Raises:
        ConfigError: `huggingface_hub` is not installed.
    """
    try:
        from huggingface_hub import HfApi  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise ConfigError(str(address), "needs the extra: pip install 'avnet[hub]'") from None
    return HfApi(library_name="avnet", library_version=__version__)


@contextlib.contextmanager
def refusals(address: Address) -> Iterator[None]:
    """Turns what the Hub, the network or the package say into one line.

    Raises:
        ModelFolderError: in place of their errors.
    """
    from huggingface_hub import errors  # pyright: ignore[reportMissingImports]

    # The first is of whichever package for HTTP it takes, and has errors of the network below it; hf_xet has the third.
    http = errors.HTTPError  # pyright: ignore[reportPrivateImportUsage]
    network = (http, OSError, RuntimeError, ValueError)
    try:
        with _quiet():
            yield
    except AvnetError:
        raise
    except errors.GatedRepoError:
        raise ModelFolderError(str(address), f"is not open to all: ask for access on its page, and {LOG_IN}") from None
    except errors.RevisionNotFoundError:
        raise ModelFolderError(str(address), "does not exist on the Hub: it has no such revision") from None
    except errors.RepositoryNotFoundError:
        raise ModelFolderError(str(address), f"does not exist on the Hub, or is private: {LOG_IN}") from None
    except errors.OfflineModeIsEnabled:
        raise ModelFolderError(
            str(address), "is not fetched: HF_HUB_OFFLINE is set, and no commit of the cache is named"
        ) from None
    except errors.HfHubHTTPError as error:
        status = error.response.status_code
        advice = f"; {LOG_IN}, with a token that may do this" if status in (401, 403) else ""
        reason = f"HTTP {status}, {error.server_message or 'no reason given'}"
        raise ModelFolderError(str(address), f"is refused by the Hub ({reason}){advice}") from None
    except network as error:
        raise ModelFolderError(str(address), f"cannot be fetched or sent ({_reason(error)})") from None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps the package from writing to stderr: of attempts that it repeats, and bars where nobody sees them."""
    from huggingface_hub import utils  # pyright: ignore[reportMissingImports]

    log = logging.getLogger("huggingface_hub")
    level, bars = log.level, not utils.are_progress_bars_disabled() and not sys.stderr.isatty()
    log.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        # What the Hub finds odd in a card, say, does not concern who waits for an upload.
        warnings.simplefilter("ignore")
        if bars:
            utils.disable_progress_bars()
        try:
            yield
        finally:
            log.setLevel(level)
            if bars:
                utils.enable_progress_bars()


def _reason(error: BaseException) -> str:
    """The first line of the innermost cause, which says most."""
    while error.__cause__ is not None:
        error = error.__cause__
    return next(iter(str(error).strip().splitlines()), "") or type(error).__name__


def _files(address: Address, siblings: list[Any]) -> list[str]:
    """What is fetched of a repository.

    Raises:
        ModelFolderError: it has no header, or more files or bytes than a model.
    """
    sizes = {one.rfilename: one.size for one in siblings if one.rfilename.endswith(SUFFIXES)}
    sizes = {name: size for name, size in sizes.items() if NAME.fullmatch(name)}
    if HEADER not in sizes:
        raise ModelFolderError(str(address), f"is not a model of avnet: it has no {HEADER}")
    if not all(isinstance(size, int) for size in sizes.values()):
        raise ModelFolderError(str(address), "is not fetched: the Hub does not say how large its files are")
    if len(sizes) > MOST_FILES or sum(sizes.values()) > MOST_BYTES:
        what = f"{len(sizes):,} files of {sum(sizes.values()):,} bytes"
        raise ModelFolderError(str(address), f"is not fetched: {what} are more than a model has")
    for name in (HEADER, CARD):
        if sizes.get(name, 0) > LARGEST_HEADER:
            raise ModelFolderError(str(address), f"is not fetched: {name} has {sizes[name]:,} bytes")
    # The header last: where it is in the cache, the rest is too.
    return [*sorted(sizes.keys() - {HEADER}), HEADER]


def _cached(address: Address) -> Path | None:
    """The folder of a commit in the cache, where all of it is there."""
    from huggingface_hub import try_to_load_from_cache  # pyright: ignore[reportMissingImports]

    header = try_to_load_from_cache(address.repository, HEADER, revision=address.revision)
    if not isinstance(header, str):
        return None
    folder = Path(header).parent
    content = read_header(folder, *KINDS.values())
    # Another program may have fetched a part of it.
    return folder if all((folder / name).is_file() for name in content.files) else None
