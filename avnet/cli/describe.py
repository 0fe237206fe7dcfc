"""`avnet describe`: say what is in pictures, without any text."""

import contextlib
import json
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import tyro

from avnet.apps.inputs import find_media, refuse_all
from avnet.audio.pcm import SPEECH_RATE, to_pcm
from avnet.errors import AvnetError, ConfigError, NotMedia
from avnet.files.whole import write_text
from avnet.media.image import is_image, read_image
from avnet.media.write import write_wav
from avnet.pages import description_page as describe_page
from avnet.pages.description_figure import draw
from avnet.program.output import output_folder
from avnet.program.progress import progress

if TYPE_CHECKING:
    from avnet.describer.describer import Describer, Description, Settings

# The listing and the page of all; no picture's results have this name.
ALL = "descriptions"
PLAYERS = (
    ("aplay", "-q", "-t", "raw", "-f", "S16_LE", "-r", str(SPEECH_RATE), "-c", "1"),
    ("sox", "-q", "-t", "raw", "-e", "signed", "-b", "16", "-r", str(SPEECH_RATE), "-c", "1", "-", "-d"),
)
# Two low tones before a description that is not sure: a sign that needs no language.
SIGN_HZ, SIGN_S = (330.0, 262.0), 0.15


@dataclass(frozen=True)
class DescribeConfig:
    """Describe images in speech, with a model of `python -m train describer`.

    Writes into --out for each picture NAME.wav, NAME.json (units, score, confidence, what was retrieved, why it
    stopped) and NAME.png (the picture, where each unit looked, the sound), and of all of them descriptions.json and
    descriptions.html, a page to look at and listen to.

    Example: avnet describe runs/describer/model garden.jpg --out said
    """

    model: Annotated[Path, tyro.conf.Positional]
    """Model folder."""
    pictures: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Pictures, jpg or png, and folders that are searched for them."""
    out: Path
    """Folder for the results."""
    unsure: Literal["spoken", "silent", "error"] = "spoken"
    """A description below --threshold is spoken after two low tones, kept silent, or an error."""
    threshold: float = 0.5
    """Confidence, the probability that picture and description belong together, from which one is sure."""
    method: Literal["beam", "sample"] = "beam"
    """The likeliest, or with variety."""
    candidates: int = 5
    """Descriptions of a picture from which the best is taken."""
    reward: float = 0.1
    """For each unit, while the likeliest are searched for: more makes longer descriptions."""
    temperature: float = 0.4
    """Temperature of sampling."""
    seed: int = 0
    """Seed of sampling."""
    voice: Path | None = None
    """Folder of recordings by another speaker, or a vocoder; by default the voice that the model learned with."""
    play: bool = False
    """Also play each while it is being made, piece by likeliest piece; what is written is the best of --candidates."""
    figures: bool = True
    """Draw NAME.png."""

    def __post_init__(self):
        if not 0 <= self.threshold <= 1:
            raise ConfigError("--threshold", f"wants a probability, got {self.threshold:g}")
        if self.play and self.unsure != "spoken":
            raise ConfigError(
                "--play", f"begins before it is known how sure it is; it does not go with {self.unsure!r}"
            )
        if not 1 <= self.candidates <= 64 or not 0 <= self.temperature <= 100 or self.seed < 0:
            raise ConfigError("--candidates, --temperature, --seed", "want 1 to 64, 0 to 100 and at least 0")
        if not 0 <= self.reward <= 100:
            raise ConfigError("--reward", f"wants 0 to 100, got {self.reward:g}")


def describe(config: DescribeConfig) -> None:
    """Runs the command.

    Raises:
        AvnetError: the model or an option cannot be used, none of the pictures can, or with `--unsure error` one
            description is not sure.
    """
    player = find_player() if config.play else None
    files = find_media(config.pictures)
    from avnet.describer.describer import Describer, Settings

    describer = Describer.load(config.model, config.voice)
    folder = output_folder(config.out)
    if beside := [file for file in files if file.parent.resolve() == folder.resolve()]:
        raise ConfigError("--out", f"holds {beside[0]}, which results could overwrite; choose another folder")
    chosen = ("method", "candidates", "reward", "temperature", "seed")
    settings = Settings(**{name: getattr(config, name) for name in chosen})
    refused: list[AvnetError] = []
    rows, shown, unsure = [], [], []
    names = distinct_names(files)
    for file in progress(files, "describing", len(files), "pictures"):
        try:
            if not is_image(file):
                raise NotMedia(file, "is not a jpg or png picture")
            image = read_image(file)
        except AvnetError as error:
            refused.append(error)
            print(f"left out: {error}")
            continue
        if player:
            play(describer, image, settings, player)
        description = next(iter(describer.describe([image], settings)))
        rows.append(write_results(folder, names[file], file, image, description, config))
        shown.append(describe_page.description(rows[-1], image))
        if not rows[-1]["sure"]:
            unsure.append(file)
        print(line(file, rows[-1]))
    refuse_all(refused, len(files))
    write_text(folder / f"{ALL}.json", json.dumps(rows, indent=2) + "\n")
    write_text(folder / f"{ALL}.html", describe_page.page_of(shown))
    if unsure and config.unsure == "error":
        raise AvnetError(unsure[0], f"is described without confidence ({len(unsure)} of {len(rows)} pictures)")
    print(f"results: {folder / ALL}.html")


def write_results(
    folder: Path, name: str, file: Path, image: np.ndarray, description: "Description", config: DescribeConfig
) -> dict[str, Any]:
    """Writes the files of one picture; returns its row of the listing."""
    sure = description.confidence >= config.threshold
    spoken = sure or config.unsure == "spoken"
    waveform = description.waveform if sure else np.concatenate([sign(), description.waveform])
    row = {
        "picture": str(file),
        "sound": f"{name}.wav" if spoken and len(description.waveform) else None,
        "sure": sure,
        "confidence": round(description.confidence, 4),
        "similarity": round(description.similarity, 4),
        "score": round(description.score, 4),
        "seconds": round(len(description.waveform) / SPEECH_RATE, 2),
        "stopped": description.reason,
        "candidates": description.candidates,
        "units": description.units.tolist(),
        "neighbours": [
            {"picture": n.picture, "recording": n.recording, "similarity": round(n.similarity, 4)}
            for n in description.neighbours
        ],
    }
    for suffix in (".wav", ".png"):  # of an earlier run
        (folder / f"{name}{suffix}").unlink(missing_ok=True)
    if row["sound"]:
        write_wav(folder / row["sound"], waveform, SPEECH_RATE)
    if config.figures:
        draw(image, description, folder / f"{name}.png")
    write_text(folder / f"{name}.json", json.dumps(row, indent=2) + "\n")
    return row


def line(file: Path, row: dict[str, Any]) -> str:
    """One line for a person."""
    said = f"{row['seconds']:.1f} s" if row["sound"] else "kept silent"
    sure = "" if row["sure"] else ", unsure"
    return f"{file}: {said}, confidence {row['confidence']:.2f}{sure}"


def sign() -> np.ndarray:
    """Two low tones and a pause, float32 at 16 kHz."""
    time_s = np.arange(round(SIGN_S * SPEECH_RATE)) / SPEECH_RATE
    fade = np.minimum(1.0, np.minimum(time_s, time_s[::-1]) / 0.02)
    tones = [0.2 * fade * np.sin(2 * np.pi * hz * time_s) for hz in SIGN_HZ]
    return np.concatenate([*tones, np.zeros(SPEECH_RATE // 5)]).astype(np.float32)


def distinct_names(files: Sequence[Path]) -> dict[Path, str]:
    """A name for the results of each file: its own, with a number where two are alike."""
    names: dict[Path, str] = {}
    taken = {ALL}
    for file in files:
        name, number = file.stem, 2
        while name.lower() in taken:
            name, number = f"{file.stem}-{number}", number + 1
        taken.add(name.lower())
        names[file] = name
    return names


def find_player() -> tuple[str, ...]:
    """The command that plays raw sound from its input.

    Raises:
        ConfigError: there is none.
    """
    for player in PLAYERS:
        if shutil.which(player[0]):
            return player
    raise ConfigError("--play", "wants aplay or sox; on Debian or Ubuntu: apt-get install alsa-utils")


def play(describer: "Describer", image: np.ndarray, settings: "Settings", player: tuple[str, ...]) -> None:
    """Plays the likeliest description of a picture while it is being made.

    Raises:
        ConfigError: the player fails.
    """
    with subprocess.Popen(player, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdin is not None
        try:
            for part in _spoken(describer.stream(image, settings)):
                process.stdin.write(part)
                process.stdin.flush()
        except BrokenPipeError:
            pass  # its exit status says so too
        finally:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
        status = process.wait()
    if status:
        raise ConfigError("--play", f"{player[0]} failed (status {status}); is there a sound device?")


def _spoken(parts: Iterator[np.ndarray]) -> Iterator[bytes]:
    for part in parts:
        if len(part):
            yield to_pcm(part).tobytes()
