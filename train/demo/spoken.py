"""The demo's spoken part: what is in an image, said in a language of which no word is written anywhere in it.

People described Tux Paint's stamps aloud, in French among other languages. From their recordings alone units, a space
and a describer are learned; the images are seen by the demo's own AVE-Net.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from avnet.apps.descriptions.describe import describe
from avnet.audio.pcm import SPEECH_RATE
from avnet.pages.descriptions.listing import ALL, write_descriptions
from avnet.pages.descriptions.spoken import card
from avnet.pages.html import Html, audio, cards, note, section, table
from avnet.program.output import output_folder
from avnet.program.progress import show_progress
from data.images.corpus import LISTING
from data.spoken.config import SpokenConfig
from data.spoken.corpus import SpokenCorpus, open_corpus
from data.spoken.pack import pack
from data.spoken.readers.stamp_names import stamp_rows
from eval.spoken.config import SpeechConfig as MeasureConfig
from eval.spoken.speech import speech as measure
from train.captioner.config import DescribeTrainConfig
from train.captioner.describer import describer
from train.speech_space.config import SpeechConfig
from train.speech_space.program import speech
from train.units.config import UnitsConfig
from train.units.program import units

CORPUS, DESCRIPTIONS, RESULTS = "spoken", "descriptions", "speech.json"
LANGUAGE = "fr"
# Descriptions without which the spoken part is left out.
FEWEST = 200
# Held-out stamps that are described for the page.
EXAMPLES = 12


def can_speak(stamps: Path) -> bool:
    """Whether enough of the stamps are described in French for anything to be learned."""
    return len(stamp_rows(stamps, LANGUAGE)) >= FEWEST


def learn_to_speak(stamps: Path, ave: Path, out: Path, steps: int, seed: int) -> Path:
    """Trains all that it takes to describe a stamp in French; goes on after an interruption.

    Args:
        stamps: folder with images and recorded names.
        ave: model folder, whose image tower sees.
        out: folder of the demo.
        steps: updates of the describer; the space takes less than half as many.
        seed: of everything.

    Returns:
        The describer's model folder.
    """
    corpus = out / CORPUS
    if not (corpus / LISTING).is_file():
        pack(SpokenConfig(stamps, corpus, language=LANGUAGE))
    # No lexicon: among a few hundred names hardly a word comes twice, and with one half as many descriptions differ.
    units(UnitsConfig(corpus, out / "units", count=100, pieces=0, seed=seed))
    sizes: dict[str, Any] = {"validate_every": 40, "seed": seed}
    space = speech(SpeechConfig(corpus, out / "space", ave, steps=max(1, 2 * steps // 5), batch_size=64, **sizes))
    sizes |= {"pieces": 500, "batch_size": 32, "learning_rate": 2e-3, "steps": steps}
    return describer(DescribeTrainConfig(corpus, space, out / "units", out / "describer", **sizes))


def speak(model: Path, out: Path) -> None:
    """Measures on held-out stamps how well speech finds its way back to the image, and describes some of them."""
    corpus = open_corpus(out / CORPUS)
    measure(MeasureConfig(model, out / CORPUS, naturalness=0, out=out / "eval"))
    numbers = corpus.images_in("test")
    places = np.linspace(0, len(numbers) - 1, min(EXAMPLES, len(numbers))).astype(int)
    images = [corpus.image_file(int(number)) for number in numbers[places]]
    with show_progress() as on_event:
        write_descriptions(describe(model, images, on_event=on_event), output_folder(out / DESCRIPTIONS))


def spoken_section(out: Path) -> Html:
    """The part of the page: how well it is done, and what it sounds like."""
    corpus = open_corpus(out / CORPUS)
    rows = json.loads((out / DESCRIPTIONS / f"{ALL}.json").read_text(encoding="utf-8"))
    return section(
        "What is in the image, in French",
        note(
            "Learned from stamps and what people said of them, without a written word. Each held-out stamp with what "
            "the machine says of it and what a person said. A few hundred recordings are enough to show how it works, "
            "not to name what was never named: the table says how often speech finds its own image again."
        ),
        table(*_recall(out)),
        cards(*(_stamp_card(corpus, row) for row in rows)),
    )


def _recall(out: Path) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    results = json.loads((out / "eval" / RESULTS).read_text(encoding="utf-8"))["results"]
    names = ("recordings", "describer", "nearest-neighbour replay", "shuffled images", "chance")
    columns = ("R@1", "R@5", "R@10")
    rows = [(name, *(f"{results['recall'][name][column]:.1%}" for column in columns)) for name in names]
    return (f"among {results['images']} held-out stamps", *columns), rows


def _stamp_card(corpus: SpokenCorpus, row: dict[str, Any]) -> Html:
    """A stamp with what the machine says of it, and what a person said."""
    number = int(Path(row["image"]).stem)
    recording = int(np.flatnonzero(corpus.image_of == number)[0])
    person = audio(corpus.recordings[recording], SPEECH_RATE, f"a person, of {Path(corpus.names[number]).stem}")
    return card(row, corpus.image(number), f"{DESCRIPTIONS}/", person)
