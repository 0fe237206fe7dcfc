"""`avnet localize`: where in a video or image the sound comes from."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from avnet.apps.localize import LocalizeOptions, localize
from avnet.cli.model_argument import ModelFirst, ModelOption, show_model
from avnet.correspondence.verdict import HERE, SILENCE, Verdict, stretches
from avnet.errors import ConfigError, OptionError
from avnet.pages.localization import (
    check_localization,
    class_folder,
    old_class_folders,
    remove_class_folders,
    write_localization,
)
from avnet.program.output import output_folder
from avnet.program.progress import show_progress
from avnet.zoo.reference import BASE, locate


@dataclass(frozen=True, kw_only=True)
class LocalizeConfig(ModelFirst, LocalizeOptions):
    """Show where in a video or image the sound comes from, or that nothing in it makes the sound.

    Writes overlay.mp4 (or overlay.png), heatmaps.npz (heatmaps [n, rows, columns] of absolute probabilities,
    time_s [n]) and scores.json (the peak of each heatmap, its place, and the verdict) into --out. With --by-class, a
    folder CLASS in --out holds the same for each thing that is audible; such folders of an earlier run are deleted.

    Example: avnet localize video.mp4 --out result
    """

    places = 1

    model: ModelOption = BASE
    """Model that has heatmaps, as AVOL-Net and zero-shot: a folder, a name, or hf://user/model. It may stand first."""
    media: Annotated[Path, tyro.conf.Positional]
    """Video or image."""
    out: Path
    """Folder for the results."""
    sound: Path | None = None
    """Sound to localize: required for an image; for a video it replaces the video's own."""
    short_side: int = 720
    """Short side in pixels to which a larger overlay is scaled down."""

    def __post_init__(self):
        super().__post_init__()
        if not 16 <= self.short_side <= 4320:
            raise OptionError("short_side", f"must be from 16 to 4320 pixels, got {self.short_side}")


def run(config: LocalizeConfig) -> None:
    """Runs the command.

    Raises:
        AvnetError: the model, an option or a file cannot be used.
    """
    if config.out.exists() and not config.out.is_dir():
        raise ConfigError(config.out, "cannot be created as a folder (File exists)")
    check_localization(config.out, config.media, config.sound)
    old_folders = old_class_folders(config.out)
    with show_progress() as on_event:
        source = locate(config.model, on_event)
        localization = localize(source.folder, config.media, config.sound, config, on_event)
        folder = output_folder(config.out)  # not before all could be read
        remove_class_folders(old_folders)
        write_localization(localization, folder, config.short_side, on_event)
        for name, of_class in localization.by_class.items():
            folder = output_folder(class_folder(config.out, name))
            check_localization(folder, config.media, config.sound)
            write_localization(of_class, folder, config.short_side, on_event)
    for stretch in stretches(localization.verdicts):
        print(line(stretch))
    for name, of_class in localization.by_class.items():
        print(f"{name}:")
        for stretch in stretches(of_class.verdicts):
            print(line(stretch))
    show_model(source)
    print(f"results: {config.out}")


def line(stretch: list[Verdict]) -> str:
    """From when to when, the verdict, the highest peak with its place, and what the sound is called there."""
    best = max(stretch, key=lambda verdict: verdict.peak)
    span = f"{stretch[0].time_s:8.2f} - {stretch[-1].time_s:8.2f} s  {best.verdict:<29}"
    if best.verdict == SILENCE:
        return span.rstrip()
    place = f" at {best.time_s:.2f} s, x {best.x:.2f}, y {best.y:.2f}" if best.verdict == HERE else ""
    names = "".join(f"; {name} {probability:.2f}" for name, probability in best.audible.items())
    return f"{span}  peak {best.peak:.2f}{place}{names}"
