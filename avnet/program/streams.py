"""What programs print can name every file, whatever letters the terminal has."""

import io
import sys


def show_any_name() -> None:
    r"""Makes stdout and stderr write what they have no letter for as `\u732b`, where they would raise an error.

    A terminal may be ASCII or Latin-1, and on Linux a name may hold bytes that are not UTF-8. What a user has chosen by
    `PYTHONIOENCODING` stays, as long as it takes every character.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and not _takes_all(stream):
            stream.reconfigure(errors="backslashreplace")


def _takes_all(stream: io.TextIOWrapper) -> bool:
    if stream.errors == "surrogateescape":  # gives odd bytes back as they were, but knows no more letters
        return stream.encoding.lower().replace("_", "-") in ("utf-8", "utf8")
    return stream.errors != "strict"
