"""The card of a model as the Hub wants it: README.md that begins with a few lines of YAML."""

import re

from avnet.files.artifact import Header
from avnet.files.kinds import MODEL

LIBRARY = "avnet"
TAGS = ("avnet", "audio-visual", "sound-localization", "cross-modal-retrieval")
# The Hub's word for what nobody has said.
NO_LICENSE = "unknown"
FRONT = re.compile(r"---\n(.*?)^---\n", re.DOTALL | re.MULTILINE)


def hub_card(header: Header, license: str | None) -> str:
    """The card of a folder with license, library and tags before it; what it already says there stays.

    Args:
        header: of the folder.
        license: identifier of the Hub, as 'apache-2.0', which takes the place of the card's own; None keeps that.
    """
    card = header.card() or f"# {header.kind.title.split(' ', 1)[1].capitalize()}\n\nMade with avnet.\n"
    front = FRONT.match(card)
    lines = front[1] if front else ""
    body = card[front.end() :] if front else f"\n{card}"
    if license is not None:
        lines = re.sub(r"^license:.*\n", "", lines, flags=re.MULTILINE)
    tags = TAGS if header.kind is MODEL else (LIBRARY, header.kind.name.replace(" ", "-"))
    entries = {
        "license": license or NO_LICENSE,
        "library_name": LIBRARY,
        "tags": "\n" + "\n".join(f"- {tag}" for tag in tags),
    }
    for key, value in entries.items():
        if not re.search(rf"^{key}:", lines, re.MULTILINE):
            lines += f"{key}:{'' if value.startswith(chr(10)) else ' '}{value}\n"
    return f"---\n{lines}---\n{body}"
