"""One row for every input: what became of it and why."""

import json
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from avnet.errors import DataError

FILE = "manifest.jsonl"
Status = Literal["ok", "partial", "rejected"]


@dataclass(frozen=True)
class Row:
    """What became of one input.

    Attributes:
        name: the input as given.
        status: 'ok', 'partial' (some of it is used) or 'rejected'.
        reason: why not all of it is used; empty when ok.
        kind: class of the refusal, for counting (`NoAudioTrack`); empty unless rejected.
        video: SHA-256 of the content; empty where it could not be read.
        split: 'train', 'validation', 'test', or empty.
        records: written from it.
        seconds: in which there are both frames and sound.
        audio: which of several audio tracks was taken, in words; empty where there is one.
    """

    name: str
    status: Status
    reason: str = ""
    kind: str = ""
    video: str = ""
    split: str = ""
    records: int = 0
    seconds: float = 0.0
    audio: str = ""

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Row":
        """The row that JSON holds.

        Raises:
            TypeError: a field is missing, unknown or of another kind.
        """
        row = cls(**values)
        texts = (row.name, row.status, row.reason, row.kind, row.video, row.split, row.audio)
        if not all(isinstance(text, str) for text in texts) or type(row.records) is not int:
            raise TypeError(f"a row has a field of another kind: {values}")
        if not isinstance(row.seconds, (int, float)):
            raise TypeError(f"a row has seconds of another kind: {values}")
        return row

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self), ensure_ascii=False)


def parse(text: str, source: str | Path) -> list[Row]:
    """The rows of a manifest's text.

    Raises:
        DataError: it is damaged; names `source`.
    """
    try:
        return [Row.from_json(json.loads(line)) for line in text.split("\n") if line]
    except (ValueError, TypeError) as error:
        raise DataError(source, f"is damaged ({error})") from None


def reject_counts(rows: list[Row]) -> Counter[str]:
    """Rejected inputs by kind of refusal."""
    return Counter(row.kind for row in rows if row.status == "rejected")
