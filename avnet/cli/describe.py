"""`avnet describe`: describes images in speech, without any text, or in words."""

import contextlib
import functools
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from avnet.apps.descriptions.describe import DescribedImage, describe
from avnet.apps.descriptions.options import DescribeOptions, Form
from avnet.apps.inputs import find_media
from avnet.audio.pcm import SPEECH_RATE, to_pcm
from avnet.cli.model_argument import ModelFirst, ModelOption, show_model
from avnet.errors import AvnetError, ConfigError, OptionError
from avnet.events import LeftOut
from avnet.media.suffixes import IMAGES
from avnet.pages.descriptions.listing import ALL, write_descriptions
from avnet.program.output import output_folder
from avnet.program.progress import show_progress
from avnet.zoo.reference import DESCRIBER, locate

PLAYERS = (
    ("aplay", "-q", "-t", "raw", "-f", "S16_LE", "-r", str(SPEECH_RATE), "-c", "1"),
    ("sox", "-q", "-t", "raw", "-e", "signed", "-b", "16", "-r", str(SPEECH_RATE), "-c", "1", "-", "-d"),
)


@dataclass(frozen=True, kw_only=True)
class DescribeConfig(ModelFirst, DescribeOptions):
    """Describe images in speech or in words.

    A model of `python -m train describer` speaks, without any text; one of `python -m train captioner` writes. For each
    image NAME.wav (where it is spoken), NAME.json (units, or text and words; confidence, why it stopped; neighbors of
    speech, alternatives of text with their probabilities) and NAME.png (the image, where each unit or word looked) come
    into --out, and for all of them descriptions.json and descriptions.html, a page to look at and listen to. Files that
    are not images are named on stderr and left out.

    Example: avnet describe runs/words/model garden.jpg --out descriptions --as both
    """

    model: ModelOption = DESCRIBER
    """Describer, or text describer: a folder, a name, or hf://user/model. It may stand first."""
    images: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Images, and folders that are searched for them."""
    out: Path = Path("descriptions")
    """Folder for the results."""
    as_: Annotated[Form | None, tyro.conf.arg(name="as")] = None
    play: bool = False
    """Also play each description while it is being made, always with the likeliest piece; the file holds the best of
    --candidates. For models that speak."""
    figures: bool = True
    """Write NAME.png for each image."""

    @classmethod
    def in_full(cls, arguments: list[str]) -> list[str]:
        """As of `ModelFirst`; what does not exist and stands before images was meant to be a model."""
        full = super().in_full(arguments)
        named = any(argument.split("=")[0] == "--model" for argument in full)
        if named or len(full) < 2 or any(argument.startswith("-") for argument in full[:2]):
            return full
        mistyped = not os.path.lexists(full[0]) and Path(full[0]).suffix.lower() not in IMAGES
        return ["--model", *full] if mistyped else full

    def __post_init__(self):
        super().__post_init__()
        if not self.images:
            raise ConfigError("IMAGES", "are missing: name at least one file or folder")
        if self.play and self.unsure != "spoken":
            raise OptionError("play", f"begins before it is known how sure it is; it does not go with {self.unsure!r}")


def run(config: DescribeConfig) -> None:
    """Runs the command.

    Raises:
        AvnetError: the model or an option cannot be used, none of the images can, or with `--unsure error` one
            description is not sure.
    """
    player = functools.partial(play, command=find_player()) if config.play else None
    files, others = find_media(config.images)
    if beside := [file for file in files if file.parent.resolve() == config.out.resolve()]:
        raise ConfigError("--out", f"holds {beside[0]}, which results could overwrite; choose another folder")
    with show_progress() as on_event:
        for error in others:
            on_event(LeftOut(error))
        source = locate(config.model, on_event)
        descriptions = describe(source.folder, files, config, on_event, player)
        folder = output_folder(config.out)  # not before the model could be read
        rows = write_descriptions(_print_each(descriptions), folder, figures=config.figures, on_event=on_event)
    unsure = [row for row in rows if not row["sure"]]
    if unsure and config.unsure == "error":
        reason = f"is described without confidence ({len(unsure)} of {len(rows)} images)"
        raise AvnetError(unsure[0]["image"], reason)
    show_model(source)
    print(f"results: {folder / ALL}.html")


def _print_each(descriptions: Iterator[DescribedImage]) -> Iterator[DescribedImage]:
    """Passes descriptions through, and prints a line when each has been dealt with."""
    for description in descriptions:
        yield description
        print(f"{description.file}: {description.line}")


def find_player() -> tuple[str, ...]:
    """The command that plays raw sound from its input.

    Raises:
        ConfigError: there is none.
    """
    for player in PLAYERS:
        if shutil.which(player[0]):
            return player
    raise ConfigError("--play", "needs aplay or sox; on Debian or Ubuntu: apt-get install alsa-utils")


def play(parts: Iterator[np.ndarray], command: Sequence[str]) -> None:
    """Plays sound while it is being made.

    Args:
        parts: float32 at `SPEECH_RATE`.
        command: which plays raw sound from its input.

    Raises:
        ConfigError: the player fails.
    """
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdin is not None
        try:
            for part in parts:
                process.stdin.write(to_pcm(part).tobytes())
                # At once, so that a part is heard while the next is being made.
                process.stdin.flush()
        except BrokenPipeError:
            pass  # its exit status says so too
        finally:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
        status = process.wait()
    if status:
        raise ConfigError("--play", f"{command[0]} failed (status {status}); is there a sound device?")
