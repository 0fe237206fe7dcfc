"""Models that come with avnet: the folders beside `SHA256SUMS` in `avnet/models`, which is data of the package.

`SHA256SUMS` is what `sha256sum` writes there: `sha256sum base/* > SHA256SUMS`. Every file of a model is compared with
it each time the model is named, which takes some hundredths of a second: a disk or a download that lost a bit is
noticed before the bit becomes an answer.
"""

import re
from pathlib import Path

from avnet.errors import ModelFolderError
from avnet.files.artifact import HEADER, LARGEST_HEADER, sha256_of
from avnet.files.json_file import read_regular

ROOT = Path(__file__).parents[1] / "models"
SUMS = "SHA256SUMS"
# Names without a dot in front, so that none leads out of the folder.
LINE = re.compile(r"([0-9a-f]{64}) [ *]((?:[\w-][\w.-]*/)+[\w-][\w.-]*)")


def names() -> list[str]:
    """Models that are installed, in order of name."""
    try:
        return sorted(path.name for path in ROOT.iterdir() if (path / HEADER).is_file())
    except OSError:
        return []


def check(name: str) -> Path:
    """The folder of a model, whose files have been compared with their sums.

    Raises:
        ModelFolderError: it is not installed; a file, which is named, is missing or damaged.
    """
    if name not in names():
        raise ModelFolderError(
            name, "does not exist, and this copy of avnet comes without a model of this name; name a folder"
        )
    sums = _sums()
    own = {path: digest for path, digest in sums.items() if path.startswith(f"{name}/")}
    if f"{name}/{HEADER}" not in own:
        raise ModelFolderError(ROOT / name, f"is not in {SUMS}; install avnet again")
    for path, digest in own.items():
        try:
            actual = sha256_of(ROOT / path)
        except OSError as error:
            raise ModelFolderError(ROOT / path, f"cannot be read ({error.strerror}); install avnet again") from None
        if actual != digest:
            raise ModelFolderError(
                ROOT / path, f"is damaged: it has another SHA-256 than {SUMS} says; install avnet again"
            )
    return ROOT / name


def _sums() -> dict[str, str]:
    """SHA-256 by path below the root."""
    try:
        lines = read_regular(ROOT / SUMS, LARGEST_HEADER).decode("ascii").splitlines()
        matches = [LINE.fullmatch(line) for line in lines]
        if not all(matches):
            raise ValueError(f"line {matches.index(None) + 1} is none of sha256sum")
    except (OSError, ValueError) as error:
        raise ModelFolderError(ROOT / SUMS, f"is missing or damaged ({error}); install avnet again") from None
    return {match[2]: match[1] for match in matches if match}
