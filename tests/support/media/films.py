"""Small videos of their own and what `data prepare` makes of them."""

import hashlib
from pathlib import Path
from typing import Any

from data.corpus import manifest
from data.corpus.config import PrepareConfig
from data.corpus.prepare import prepare
from data.sampling.config import SamplingConfig
from media.media_files import flat, make_video, tone

SMALL = SamplingConfig(short_side=32, segment_s=1.5)


WHOLE = (1.0, 0.0, 0.0)


def film(path: Path, number: int, seconds: float = 2.0) -> Path:
    """A video of its own: another number, other bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return make_video(path, seconds, flat(lambda t: 20 + number % 200), tone(200 + 20 * number), fps=5.0)


def run(folder, out, **given) -> list[manifest.Row]:
    options: dict[str, Any] = {"sampling": SMALL, "workers": 1, "fractions": WHOLE, **given}
    videos = folder if isinstance(folder, tuple) else (folder,)
    return prepare(PrepareConfig(videos, out, **options))


def digests(folder: Path) -> dict[str, str]:
    files = (file for file in sorted(folder.rglob("*")) if file.is_file())
    return {file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def shards(folder: Path) -> dict[str, str]:
    return {name: digest for name, digest in digests(folder).items() if "array_record" in name}
