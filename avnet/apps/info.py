"""What a folder that avnet has written, or a media file, is."""

from dataclasses import dataclass
from pathlib import Path

from avnet.errors import NotMedia
from avnet.files.artifact import read_header
from avnet.files.kinds import KINDS
from avnet.media.image import is_image, read_image
from avnet.media.tracks import probe
from avnet.zoo.reference import Source, locate


@dataclass(frozen=True)
class Info:
    """What there is to know of a path.

    Attributes:
        facts: values by their names, with units, in the order in which a reader asks.
        metrics: the section of a model card, as Markdown; empty without one.
    """

    facts: dict[str, str]
    metrics: str = ""


def info(path: str | Path) -> Info:
    """Tells what a path holds; a folder is checked against the sizes and hashes that it names.

    Args:
        path: a folder of any kind that avnet writes, an image, a sound or a video; the name of a model, or its address
            on the Hub.

    Raises:
        AvnetError: it is none of these, or damaged.
    """
    source = locate(path)
    if source.folder.is_dir():
        return _of_artifact(source)
    path = source.folder
    return Info(_image_facts(path) if is_image(path) else _media_facts(path))


def _of_artifact(source: Source) -> Info:
    header = read_header(source.folder, *KINDS.values())
    header.verify()
    size = sum(file.bytes for file in header.files.values())
    facts = {
        header.kind.name: f"{source.name} (version {header.kind.version})",
        **({} if source.name == str(source.folder) else {"folder": str(source.folder)}),
        **header.kind.type.summary(header),
        "size": f"{size / 1e6:.1f} MB",
        **{f"made for {name}": fingerprint for name, fingerprint in header.requires.items()},
        "fingerprint": header.fingerprint,
        **{f"SHA-256 of {name}": file.sha256 for name, file in header.files.items()},
    }
    return Info(facts, _metrics(header.card()))


def _metrics(card: str) -> str:
    """The card's section on metrics; empty when there is none."""
    sections = card.split("\n## ")
    return next((f"## {part}".strip() for part in sections if part.startswith("Metrics")), "")


def _image_facts(path: Path) -> dict[str, str]:
    height, width = read_image(path).shape[:2]
    return {"image": str(path), "size": f"{width}x{height} pixels"}


def _media_facts(path: Path) -> dict[str, str]:
    media = probe(path)
    if media.video is None and media.audio is None:
        raise NotMedia(path, "has neither image nor sound")
    facts = {"video" if media.video else "sound": str(path), "duration": f"{media.duration_s:.2f} s"}
    if (video := media.video) is not None:
        span = f"{video.start_s:.3f} to {video.start_s + video.duration_s:.3f} s"
        facts["video track"] = f"{video.width}x{video.height} pixels, {video.fps:.3f} frames/s, {span}"
    if (audio := media.audio) is not None:
        span = f"{audio.start_s:.3f} to {audio.start_s + audio.duration_s:.3f} s"
        facts["sound track"] = f"{audio.sample_rate} Hz, {span}"
    return facts
