"""What the demos are shown: videos composed of stamps or shapes, and the records made of them."""

from dataclasses import dataclass
from pathlib import Path

from data.clips.config import StampsConfig
from data.clips.stamps import find_stamps, stamps
from data.corpus.config import PrepareConfig
from data.corpus.prepare import prepare
from data.corpus.summary import print_summary
from data.sampling.config import SamplingConfig
from data.splits import SplitName
from eval.readers.composed import read_composed_videos
from train.demo.config import MaterialOptions
from train.demo.stages import Stages

# What is measured, localized and searched was not trained on.
HELD_OUT: SplitName = "test"


@dataclass(frozen=True)
class Material:
    """Videos with known truth.

    Attributes:
        source: folder of the stamps; None where shapes stand in for them.
        clips: folder of the videos, by split.
        records: made of them, with the same splits and labels.json.
    """

    source: Path | None
    clips: Path
    records: Path

    @property
    def labels(self) -> Path:
        """The class of what sounds in each video; no training reads it."""
        return self.records / "labels.json"

    @property
    def sentence(self) -> str:
        """What the videos are made of, in words."""
        if self.source is None:
            return "Drawn shapes with synthesised timbres, since the Tux Paint stamps could not be had"
        return "Tux Paint stamps (GPL-2, from the Debian package tuxpaint-stamps-default)"

    def held_out_videos(self) -> list[Path]:
        """Those that nothing was trained on, in order of name; not the masks beside them."""
        return sorted((self.clips / HELD_OUT).glob("*.mp4"))

    def sounding_videos(self) -> list[Path]:
        """Those of them in which something sounds."""
        return [scene.image for scene in read_composed_videos(self.clips, HELD_OUT).scenes if scene.sounding]


def make_material(
    options: MaterialOptions,
    out: Path,
    clips: int,
    fractions: tuple[float, float, float],
    short_side: int,
    stages: Stages,
) -> Material:
    """Composes videos and prepares records; what an earlier run has made of them is kept.

    Args:
        options: of the demo.
        out: folder of the demo.
        clips: number of videos.
        fractions: of them in train, validation and test.
        short_side: of the frames in the records, pixels.
        stages: is told how long it takes.
    """
    with stages.stage("composing videos"):
        material = Material(options.stamps or find_stamps(), out / "clips", out / "records")
        composing = StampsConfig(
            out=material.clips,
            stamps=material.source,
            classes=options.classes,
            clips=clips,
            duration_s=2.0,
            # With something silent beside what sounds, it does not do to point at the only thing there is.
            distractors=(1, 1),
            fractions=fractions,
            seed=options.seed,
        )
        stamps(composing)
    with stages.stage("preparing records"):
        labels, sampling = material.clips / "labels.csv", SamplingConfig(short_side=short_side)
        prepare(PrepareConfig((material.clips,), material.records, split_by="folder", labels=labels, sampling=sampling))
        print_summary(material.records)
    return material
