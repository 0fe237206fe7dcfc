"""Names of results that are made of users' names, which may be of any length and of any bytes."""

import re
import unicodedata
from collections.abc import Collection

# Bytes. File systems take 255; what is left is for endings and numbers.
LONGEST = 200
_ODD_BYTES = re.compile("[\ud800-\udfff]")


def cut_name(name: str, longest: int = LONGEST) -> str:
    """The beginning of a name, in whole characters and at most so many bytes."""
    while len(name.encode("utf-8", "surrogatepass")) > longest:
        name = name[:-1]
    return name


def plain_name(name: str) -> str:
    """A name that any file system can hold and any page can show: cut, and `_` for bytes that are not UTF-8."""
    return cut_name(_ODD_BYTES.sub("_", name))


def distinct_name(name: str, keys: Collection[str]) -> str:
    """A plain name, with a number where there is one like it.

    Args:
        name: of any length.
        keys: keys of the names that there are, as of `name_key`.
    """
    first = distinct = plain_name(name)
    number = 2
    while name_key(distinct) in keys:
        distinct, number = f"{first}-{number}", number + 1
    return distinct


def name_key(name: str) -> str:
    """Equal for names that some file systems take for one: A is a there, and an accent may stand apart."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
