"""The options of the program that measures localization."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from avnet.correspondence.heatmaps.refinement import Refinement
from avnet.errors import ConfigError
from avnet.program.bounds import check_at_least
from data.splits import SplitName

Truth = Literal["composed", "vggss", "flickr"]


@dataclass(frozen=True)
class LocalizationConfig:
    """Measure how well an AVOL-Net points at what sounds, and whether it stays dark when nothing does.

    Shows pointing accuracy, cIoU and AUC by the published protocol, AP with false alarms counted, and the response to
    silence, noise, wind and the sound of another class, and to speech over the own sound. Baselines stand beside the
    model: chance, the whole image, centered discs and the ceiling of the protocol.

    Example: python -m eval localization runs/avol/model --videos composed --truth composed
    """

    model: Annotated[Path, tyro.conf.Positional]
    """Model folder of an AVOL-Net."""
    videos: Path
    """Folder of composed videos, or of the videos (or frames and sounds) that the annotations name."""
    truth: Truth
    """Kind of ground truth: composed, vggss for VGG-SS, or flickr for Flickr-SoundNet."""
    annotations: Path | None = None
    """Published annotations: the file vggss.json, or the folder of XML files of Flickr-SoundNet. Composed videos carry
    their own."""
    names_from: Path | None = None
    """List whose first column names what to measure, such as flickr_test.csv, the 250 of Flickr-SoundNet that papers
    measure, or vggss_heard_test.csv. All that is annotated is measured without it."""
    split: SplitName = "test"
    """Split of composed videos."""
    frames: int = 1
    """Number of evenly spaced frames to measure in each composed video; 1 takes the middle frame. With other ground
    truth the annotated frame is taken."""
    masks: bool = False
    """Compare with the outlines of the objects in composed videos instead of their boxes."""
    threshold: float = 0.5
    """Probability at or above which a cell of the heatmap counts as highlighted."""
    fine: bool = False
    """Also measure heatmaps at the other scale: finer ones, for which images are seen at twice their size too, or plain
    ones of a model whose heatmaps are fine by default."""
    flips: bool = False
    """Also measure heatmaps that are the mean over the image and its mirror image."""
    scales: tuple[int, ...] = ()
    """Also measure heatmaps that are the mean over images at these sizes, short sides in pixels, as in
    `--scales 224 320 448`."""
    object_prior: float = 0.0
    """Also measure heatmaps mixed with where objects are by the image network alone, which has this weight in [0, 1],
    and that alone."""
    speech: Path | None = None
    """Folder of recordings of speech, sounds or videos, to lay over each frame's own sound, as loud; what sounds in the
    image should still be found."""
    out: Path | None = None
    """Folder for localization.json, localization.png and localization_overlays.png; by default `eval` in the model
    folder."""
    seed: int = 0
    """Seed with which noise and mismatched sounds are drawn."""

    def __post_init__(self):
        if not 1 <= self.frames <= 1000:
            raise ConfigError("--frames", f"must be from 1 to 1000, got {self.frames}")
        if not 0.0 < self.threshold < 1.0:
            raise ConfigError("--threshold", f"must be a probability between 0 and 1, got {self.threshold:g}")
        check_at_least(self, 0, "seed")
        Refinement(scales=self.scales, flips=self.flips, object_prior=self.object_prior)  # refuses what cannot be
        if self.truth != "composed" and self.annotations is None:
            raise ConfigError("--annotations", f"is needed with --truth {self.truth}")
        if self.truth != "composed" and self.frames != 1:
            raise ConfigError("--frames", f"must be 1 with --truth {self.truth}: one frame of each clip is annotated")
