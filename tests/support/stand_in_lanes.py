"""Lanes that need no model, for tests of the server: what they do is written in the file that is sent."""

import base64
import os
import time
from pathlib import Path

from avnet.errors import AvnetError, NotMedia
from avnet.web.worker import Context, Tasks

FILES = ("scores.json", "heatmaps.npz")


def open_media(settings) -> Tasks:
    return Tasks(
        {"probe": probe, "thumbnail": thumbnail, "sound": thumbnail, "playable": playable}, {"image_pixels": 99}
    )


def probe(values, context: Context):
    text = Path(values["path"]).read_bytes()
    if text.startswith(b"none"):
        raise NotMedia(values["path"], f"{values['path']} is none")
    kind = next((kind for kind in ("image", "sound") if text.startswith(kind.encode())), "video")
    return {"kind": kind, "duration_s": 2.0, "width": 4, "height": 3, "has_sound": kind != "image"}


def thumbnail(values, context: Context):
    return base64.b64encode(repr(sorted(values.items())).encode()).decode()


def playable(values, context: Context):
    time.sleep(0.4)
    Path(values["out"]).write_bytes(b"plays")


def open_localize(settings) -> Tasks:
    if settings.get("fails"):
        raise AvnetError("runs/model", "is damaged")
    return Tasks({"localization": localization})


def localization(values, context: Context):
    word = Path(values["media"]).read_bytes().split()[0].decode()
    context.emit("moments", {"times": [0.0], "class": None})
    for _ in range(500 if word == "slow" else 0):
        context.cancelled()
        time.sleep(0.02)
    if word == "stuck":
        time.sleep(60)
    if word == "die":
        os._exit(3)
    if word == "fault":
        raise ValueError(word)
    if word == "refuse":
        raise AvnetError(values["media"], f"{values['media']} cannot be used")
    for name in FILES:
        (context.folder / name).write_text(word)
    if word == "large":
        (context.folder / FILES[0]).write_bytes(bytes(400_000))
    return {"word": word, "stretches": [{"sentence": f"From 0:00 to 0:01 {word}."}], "files": list(FILES)}


def open_search(settings) -> Tasks:
    return Tasks({"search": search, "tags": tags, "entry": entry, "map": index_map}, {"index": {"images": 1}})


def search(values, context: Context):
    time.sleep(0.05 if values["source"] == "slow" else 0)
    match = {"rank": 1, "score": 0.5, "probability": None, **entry({"entry": "3-17"}, context)}
    query = {"kind": "image", "file": values["queries"][0].get("path")}
    return {"answers": [{"query": query, "matches": [match]}]}


def entry(values, context: Context):
    if values["entry"] != "3-17":
        raise AvnetError(values["entry"], "is not in the index")
    return {"entry": "3-17", "file": "/films/a.mp4", "time_s": 1.5, "kind": "image", "missing": False}


def tags(values, context: Context):
    return [{"name": "dog", "probability": 0.9}]


def index_map(values, context: Context):
    Path(values["out"]).write_bytes(b"\1\0\0\0")


def open_describe(settings) -> Tasks:
    return Tasks({"description": description})


def description(values, context: Context):
    with (context.folder / "draft.pcm").open("ab", buffering=0) as file:
        for _ in range(3):
            file.write(b"\1\0" * 1600)
            time.sleep(0.05)
    (context.folder / "speech.wav").write_bytes(b"final")
    return {"confidence": 0.5, "files": ["speech.wav"]}


def open_index(settings) -> Tasks:
    return Tasks({"indexing": lambda values, context: {"files_indexed": values["path"]}})
