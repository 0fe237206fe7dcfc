"""What a file is, and pictures and sounds of it to be shown; needs no model."""

import base64
from pathlib import Path
from typing import Any

from avnet.apps.preview import playable, sound_clip, thumbnail
from avnet.errors import NotMedia, TooLarge
from avnet.files.storage import local_copy
from avnet.media.container import MAX_PIXELS
from avnet.media.image import is_image, read_image
from avnet.media.tracks import probe
from avnet.web.tasks.sandbox import decode_in_sandbox
from avnet.web.worker import Context, Tasks


def open_lane(settings: dict[str, Any]) -> Tasks:
    """The lane of files."""
    decode_in_sandbox(settings["memory_mb"])
    tasks = {"probe": find_out, "thumbnail": make_thumbnail, "sound": make_sound, "playable": make_playable}
    return Tasks(tasks, {"image_pixels": MAX_PIXELS})


def find_out(values: dict[str, Any], context: Context) -> dict[str, Any]:
    """What a file is: its kind, duration, size, and whether it sounds.

    Raises:
        MediaError: it is no media, or longer than `longest_s`.
    """
    path = Path(values["path"])
    if is_image(path):
        height, width = read_image(path).shape[:2]
        return {"kind": "image", "duration_s": None, "width": width, "height": height, "has_sound": False}
    info = probe(path)
    if info.duration_s > values["longest_s"]:
        raise TooLarge(path, f"lasts {info.duration_s:.0f} s; at most {values['longest_s']:.0f} s are taken")
    if info.video is None and info.audio is None:
        raise NotMedia(path, "has neither video nor sound that can be read")
    return {
        "kind": "sound" if info.video is None else "video",
        "duration_s": info.duration_s,
        "width": info.video and info.video.width,
        "height": info.video and info.video.height,
        "has_sound": info.audio is not None,
    }


def make_thumbnail(values: dict[str, Any], context: Context) -> str:
    """A JPEG in base64."""
    with local_copy(values["path"]) as path:
        return _text(thumbnail(path, values["at"] or 0.0, values["short_side"]))


def make_sound(values: dict[str, Any], context: Context) -> str:
    """A WAV file in base64."""
    with local_copy(values["path"]) as path:
        return _text(sound_clip(path, values["at"], values["length_s"]))


def make_playable(values: dict[str, Any], context: Context) -> None:
    """Writes what every browser plays to `out`."""
    playable(values["path"], values["out"], context.on_event)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
