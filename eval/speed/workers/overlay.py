"""`avnet localize` on a video, from file to file: starting, loading, decoding, sound, network, colours, encoding."""

import dataclasses
import tempfile
from dataclasses import dataclass
from pathlib import Path

from eval.speed import protocol
from eval.speed.protocol import Repetition
from eval.speed.workers.start import run
from eval.speed.workers.synthetic import FPS, write_film, write_model


@dataclass(frozen=True)
class Options:
    """What is shown.

    Attributes:
        folder: for the video, the model and the results; new.
        preset: of AVOL-Net.
        height: of the video, pixels.
        seconds: of the video.
    """

    folder: str
    preset: str
    height: int
    seconds: float


def main() -> None:
    """Answers the requests "overlay" and "overlay, first", in frames; each is a process of its own.

    "overlay" finds what it compiled the time before, as a user's second video does; "overlay, first" compiles anew.
    """
    with protocol.line_of_process() as line:
        options = protocol.options_of_process(Options)
        folder = Path(options.folder)
        folder.mkdir(parents=True)
        film, model = folder / "film.mp4", folder / "model"
        frames = write_film(film, options.seconds, options.height)
        write_model(model, "avol", options.preset)

        def overlay(cache: Path) -> Repetition:
            environment = {
                "JAX_COMPILATION_CACHE_DIR": str(cache),
                "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            }
            repetition = run("-m", "avnet", "localize", model, film, "--out", folder / "out", **environment)
            return dataclasses.replace(repetition, amount=frames)

        def first() -> Repetition:
            # An empty cache each time.
            with tempfile.TemporaryDirectory(dir=folder) as cache:
                return overlay(Path(cache))

        def second() -> Repetition:
            return overlay(folder / "jax")

        second()
        facts = {"height": options.height, "fps": FPS, "seconds": options.seconds}
        protocol.serve(line, {"overlay": second, "overlay, first": first}, facts)


if __name__ == "__main__":
    main()
