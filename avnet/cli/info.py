"""`avnet info`: what a model folder, an index or a media file is."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from avnet.errors import NotMedia
from avnet.files.artifact import read_header
from avnet.files.kinds import KINDS
from avnet.media.container import probe
from avnet.media.image import is_image, read_image


@dataclass(frozen=True)
class InfoConfig:
    """Show what a model folder, an index or a media file holds.

    Example: avnet info model
    """

    path: Annotated[Path, tyro.conf.Positional]
    """Model folder, folder of an index, or media file."""


def run(config: InfoConfig) -> None:
    """Runs the command.

    Raises:
        AvnetError: it is none of these, or damaged.
    """
    path = config.path
    if path.is_dir():
        facts, more = _artifact_facts(path)
    else:
        facts, more = (_image_facts(path) if is_image(path) else _media_facts(path)), ""
    width = max(map(len, facts))
    for name, value in facts.items():
        print(f"{name:<{width}}  {value}")
    if more:
        print(f"\n{more}")


def _artifact_facts(path: Path) -> tuple[dict[str, str], str]:
    header = read_header(path, *KINDS.values())
    header.verify()
    size = sum(file.bytes for file in header.files.values())
    facts = {
        header.kind.name: f"{path} (version {header.kind.version})",
        **header.kind.type.summary(header),
        "size": f"{size / 1e6:.1f} MB",
        **{f"made for {name}": fingerprint for name, fingerprint in header.requires.items()},
        "fingerprint": header.fingerprint,
    }
    return facts, _metrics(header.card())


def _metrics(card: str) -> str:
    """The card's section on metrics; empty when there is none."""
    sections = card.split("\n## ")
    return next((f"## {part}".strip() for part in sections if part.startswith("Metrics")), "")


def _image_facts(path: Path) -> dict[str, str]:
    height, width = read_image(path).shape[:2]
    return {"image": str(path), "size": f"{width}x{height} pixels"}


def _media_facts(path: Path) -> dict[str, str]:
    found = probe(path)
    if found.video is None and found.audio is None:
        raise NotMedia(path, "has neither image nor sound")
    facts = {"video" if found.video else "sound": str(path), "duration": f"{found.duration_s:.2f} s"}
    if (video := found.video) is not None:
        span = f"{video.start_s:.3f} to {video.start_s + video.duration_s:.3f} s"
        facts["image track"] = f"{video.width}x{video.height} pixels, {video.fps:.3f} frames/s, {span}"
    if (audio := found.audio) is not None:
        span = f"{audio.start_s:.3f} to {audio.start_s + audio.duration_s:.3f} s"
        facts["sound track"] = f"{audio.sample_rate} Hz, {span}"
    return facts
