"""The program that decodes media inside `sandboxed`, for which files that say so are hostile and take it over."""

from typing import Any

import numpy as np

from avnet.media import image
from avnet.media.container import FileReader, OpenFile
from avnet.media.decoding import program
from avnet.media.sandbox.decoder import serve
from avnet.media.sandbox.messages import Message
from media import hostile_decoder

NAME = "media.hostile_media"
# A JPEG as far as anybody sees who does not decode it.
FRONT = b"\xff\xd8\xffhostile:"
TRIES = ("read another file", "write a file", "open a socket", "fork", "kill the parent")
ACTS = (*TRIES, "die", "a pickle", "a terabyte", "a red herring")


def hostile(act: str) -> bytes:
    """The content of such a file."""
    return FRONT + act.encode() + b"\xff\xd9"


def read(file: OpenFile, values: dict[str, Any]) -> program.Answer:
    """Does what the file says instead of what is asked."""
    content = FileReader(file).readall()
    if not content.startswith(FRONT):
        return (yield from program.read(file, values))
    act = content.removeprefix(FRONT).removesuffix(b"\xff\xd9").decode()
    if act == "a red herring":
        return Message({}, {"image": np.zeros((4, 4), np.uint8)})
    folder = file.path.parent
    facts = {"act": act, "other": str(folder / "other"), "new": str(folder / "new"), "pid": 1, "port": 9}
    for tries in (hostile_decoder.TRIES, hostile_decoder.ENDS, hostile_decoder.MESSAGES):
        if act in tries:
            tries[act](facts)
    yield Message({"time_s": 0.0})
    return Message()


if __name__ == "__main__":
    image.reads_heif()
    serve(read)
