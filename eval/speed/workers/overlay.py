"""`avnet localize` on a video, from file to file: decoding, sound, network, colours, encoding."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from avnet.cli.localize import LocalizeConfig, localize
from eval.speed import protocol
from eval.speed.synthetic import FPS, write_film, write_model
from eval.speed.workers import on_jax


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
    """Answers the request "overlay", in frames; the model is loaded and compiled anew each time, as by the command."""
    with protocol.line_of_process() as line:
        options = protocol.options_of_process(Options)
        line.device_peak = on_jax.device_peak
        folder = Path(options.folder)
        folder.mkdir(parents=True)
        frames = write_film(folder / "film.mp4", options.seconds, options.height)
        write_model(folder / "model", "avol", options.preset)

        def work() -> None:
            shutil.rmtree(folder / "out", ignore_errors=True)
            localize(LocalizeConfig(folder / "model", folder / "film.mp4", folder / "out"))

        work()
        facts = {"height": options.height, "fps": FPS, "seconds": options.seconds}
        protocol.serve(line, {"overlay": protocol.timed(work, frames)}, {**on_jax.facts(), **facts})


if __name__ == "__main__":
    main()
