"""Addresses on the Hugging Face Hub: `hf://user/model[@revision]`."""

import re
from dataclasses import dataclass

from avnet.errors import ConfigError

# One slash is what a path makes of two.
START = re.compile(r"hf:/{1,2}")
ADDRESS = re.compile(r"([A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*?)(?:@([A-Za-z0-9][\w./-]*))?", re.ASCII)
COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Address:
    """A model on the Hub.

    Attributes:
        repository: as 'user/model'.
        revision: a branch, a tag or a commit; None for the main branch.
    """

    repository: str
    revision: str | None = None

    @classmethod
    def parse(cls, text: str) -> "Address | None":
        """An address; None for what does not begin as one.

        Raises:
            ConfigError: it begins as one and is none.
        """
        start = START.match(text)
        if start is None:
            return None
        match = ADDRESS.fullmatch(text[start.end() :])
        if match is None:
            raise ConfigError(text, "is no address on the Hub; they look like hf://user/model or hf://user/model@v1")
        return cls(match[1], match[2])

    @property
    def is_pinned(self) -> bool:
        """Whether the revision is a commit, which never becomes another."""
        return self.revision is not None and COMMIT.fullmatch(self.revision) is not None

    def __str__(self) -> str:
        return f"hf://{self.repository}" + (f"@{self.revision}" if self.revision else "")
