"""Which engine an address means: LanceDB where it is in a bucket or ends in .lance, else segments of a folder."""

import re
from importlib import import_module
from pathlib import Path
from typing import Any

# A path makes one slash of two.
_SCHEME = re.compile(r"(s3|gs):/{1,2}(?=[^/])")


def lance_address(folder: str | Path) -> str | None:
    """The address of a database of LanceDB, as it opens it; None of a folder of segments.

    Example:
        >>> from avnet.index.engines.address import lance_address
        >>> lance_address("s3://bucket/archive"), lance_address("archive.lance")
        ('s3://bucket/archive', 'archive.lance')
        >>> lance_address("index") is None
        True
    """
    address = str(folder)
    if match := _SCHEME.match(address):
        return f"{match[1]}://{address[match.end() :]}"
    return address if address.rstrip("/").endswith(".lance") else None


def is_remote(address: str) -> bool:
    """Whether it lies in a bucket."""
    return "://" in address


def open_lance(address: str, model_fingerprint: str | None) -> Any:
    """Opens an index in LanceDB, as `LanceIndex.open_address`."""
    # By name: that engine is made of what searches segments.
    return import_module("avnet.index.engines.lance_index").LanceIndex.open_address(address, model_fingerprint)
