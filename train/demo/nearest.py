"""What is in an image, by what people said of the stamp most like it: recordings are replayed, nothing is learned.

People described Tux Paint's stamps aloud, in French among other languages. Each of these stamps is taken as an image of
which nothing is known; its answer is the recording of the most similar other stamp, by the model's embedding of images.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avnet.apps.embed import embed
from avnet.audio.pcm import SPEECH_RATE
from avnet.correspondence.model import Model
from avnet.errors import AvnetError
from avnet.files.json_file import read_json
from avnet.files.whole import write_text
from avnet.media.audio import read_waveform
from avnet.media.image import read_image
from avnet.pages.html import Html, audio, cards, element, figure, group, note, section
from avnet.program.progress import show_progress
from data.spoken.readers.stamp_names import stamp_rows
from train.demo.spoken import LANGUAGE

# Letters, digits and flags are told apart by strokes, not by what they look like.
LEFT_OUT = "symbols"
# Stamps that are shown.
EXAMPLES = 12


@dataclass(frozen=True)
class Described:
    """A stamp of which somebody said something.

    Attributes:
        image: file.
        recording: file.
        kind: folder of the collection, such as animals/birds.
    """

    image: str
    recording: str
    kind: str


def described_stamps(stamps: Path) -> list[Described]:
    """One recording of each stamp that is described in French, in order of their paths."""
    by_image = {}
    for row in stamp_rows(stamps, LANGUAGE):
        kind = row.image.relative_to(stamps).parent if not row.reason else Path(LEFT_OUT)
        if LEFT_OUT not in kind.parts:
            by_image.setdefault(row.image, Described(str(row.image), str(row.recording), kind.as_posix()))
    return [by_image[image] for image in sorted(by_image)]


def find_nearest(model: Model, items: list[Described], file: Path) -> None:
    """Embeds the stamps and writes which other is most like each, and how often both are of one kind.

    Args:
        model: that embeds images.
        items: the stamps.
        file: JSON, to be written.
    """
    with show_progress() as on_event:
        embeddings = embed(model, [item.image for item in items], on_event=on_event)
    # What could not be read is not among them.
    by_image = {item.image: item for item in items}
    seen = [by_image[image] for image in embeddings.files]
    nearest = most_similar(embeddings.vectors)
    share, chance = same_kind([item.kind for item in seen], nearest)
    rows = [
        {"image": item.image, "recording": item.recording, "nearest": seen[other].image, "said": seen[other].recording}
        for item, other in zip(seen, nearest, strict=True)
    ]
    write_text(file, json.dumps({"same kind": share, "chance": chance, "stamps": rows}, indent=2) + "\n")


def most_similar(vectors: np.ndarray) -> np.ndarray:
    """The row of greatest cosine with each row, but itself: int64 [n]."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -np.inf)
    return cosines.argmax(axis=1)


def same_kind(kinds: list[str], nearest: np.ndarray) -> tuple[float, float]:
    """Share of stamps whose nearest is of their kind, and the share that any other stamp would reach on average."""
    names = np.array(kinds)
    same = names[:, None] == names[None, :]
    chance = (same.sum() - len(names)) / (len(names) * (len(names) - 1))
    return float((names[nearest] == names).mean()), float(chance)


def nearest_section(file: Path) -> Html:
    """The part of the page: how often it fits, and some stamps with what is said of them."""
    results = read_json(file)
    rows = results["stamps"]
    shown = [rows[i] for i in np.linspace(0, len(rows) - 1, min(EXAMPLES, len(rows))).astype(int)]
    return section(
        "What is in the image, in French",
        note(
            f"Each of {len(rows)} stamps gets what a person said of the most similar other stamp. This is search: "
            "nothing was learned for it, and what was said of the stamp itself is never among the answers. For "
            f"{results['same kind']:.0%} of the stamps the other lies in the same folder of the collection, such as "
            f"animals/birds (chance {results['chance']:.1%}). A describer that speaks for itself takes longer: ",
            element("code", "make demo-scratch"),
        ),
        cards(*map(_card, shown)),
    )


def _card(row: dict[str, str]) -> Html:
    name, nearest = Path(row["image"]), Path(row["nearest"])
    return group(
        figure(read_image(name), name.stem, 200),
        _player(row["said"], "what is said: of the most similar"),
        figure(read_image(nearest), f"the most similar: {nearest.stem}", 100),
        _player(row["recording"], "what a person said of the stamp itself"),
    )


def _player(recording: str, caption: str) -> Html:
    try:
        return audio(read_waveform(Path(recording), SPEECH_RATE).samples, SPEECH_RATE, caption)
    except AvnetError as error:
        return note(f"{caption} cannot be played: {error.reason}")
