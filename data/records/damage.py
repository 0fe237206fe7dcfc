"""Records that cannot be read although they were written whole."""

import shlex
from pathlib import Path

from avnet.errors import DataError


class DamagedRecords(DataError):
    """A folder of records, or one of them, is damaged; the reason ends with what to do about it.

    Attributes:
        fault: the reason alone.
    """

    def __init__(self, data_dir: str | Path, fault: str):
        advice = f"run {command('verify', data_dir)} to see all that is, and {command('repair', data_dir)} to mend it"
        super().__init__(data_dir, f"{fault}; {advice}")
        self.fault = fault

    def __reduce__(self):
        return type(self), (self.subject, self.fault)


def command(program: str, data_dir: str | Path) -> str:
    """A program of `python -m data` on a folder, as it is typed."""
    return f"`python -m data {program} {shlex.quote(str(data_dir))}`"
