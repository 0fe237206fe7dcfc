"""A Show and Speak in use: images in, speech out, by spectra and Griffin-Lim; and its folder."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from avnet.audio.pcm import SPEECH_RATE
from avnet.backbones.backbone import Backbone
from avnet.captioners.features import OF_GRIDS, ImageFeatures
from avnet.captioners.region_files.region_file import RegionFile
from avnet.describer.show_and_speak.config import ShowAndSpeakConfig
from avnet.describer.show_and_speak.network import ShowAndSpeak
from avnet.describer.views import regions_for, regions_of
from avnet.events import Listener, Notice, nobody
from avnet.files.artifact import WEIGHTS, Header, new_artifact, read_header
from avnet.files.kinds import SHOW_AND_SPEAK
from avnet.files.weights import fill_network, to_bytes
from avnet.nn.abstract import abstract_network
from avnet.synthesizers.mel.acoustics import HOP
from avnet.synthesizers.mel.griffin_lim import waveform_of_mel
from avnet.synthesizers.tacotron2.spectrum_network import Utterance
from avnet.zoo.reference import locate

# The folder of the backbone within that of the describer.
BACKBONE = "backbone"
# Images that are described together.
BATCH = 32


class DirectDescriber:
    """Describes images in speech without units: a baseline, of which to expect babble.

    Attributes:
        network: in evaluation mode.
        backbone: makes grids of images.
        regions: of the images that it describes, where it learned from a file of regions.
        validation: figures of the state that was kept.
        fingerprint: of its folder; empty before it is saved.

    Example:
        >>> describer = avnet.load("runs/direct/model")
        >>> [waveform] = describer.speak(describer.features([avnet.read_image("garden.jpg")]))
        >>> waveform.dtype
        dtype('float32')
    """

    regions: RegionFile | None = None

    def __init__(
        self,
        network: ShowAndSpeak,
        backbone: Backbone,
        fingerprint: str = "",
        validation: Mapping[str, float] | None = None,
    ):
        network.eval()
        self.network, self.backbone, self.fingerprint = network, backbone, fingerprint
        self.validation = dict(validation or {})

    @classmethod
    def load(cls, path: str | Path) -> "DirectDescriber":
        """Opens a folder that `save` wrote.

        Raises:
            ModelFolderError: it is not a Show and Speak, of an earlier or newer avnet, damaged, or has another backbone
                than it was trained with.
        """
        header = read_header(locate(path).folder, SHOW_AND_SPEAK)
        with header.parsing():
            config = ShowAndSpeakConfig.from_dict(header.config)
            validation = {name: float(value) for name, value in header.facts["validation"].items()}
        abstract = abstract_network(lambda rngs: ShowAndSpeak(config, rngs=rngs))
        network = fill_network(header.folder / WEIGHTS, abstract, header.arrays())
        features = config.image_features if config.regions in OF_GRIDS else None
        backbone = Backbone.part_of(header, BACKBONE, features)
        return cls(network, backbone, header.fingerprint, validation)

    def save(self, path: str | Path, card: str = "") -> str:
        """Writes a folder; it becomes visible only when it is whole.

        Args:
            path: the folder; an earlier one there is replaced.
            card: for people, Markdown.

        Returns:
            The fingerprint.

        Raises:
            ModelFolderError: it cannot be written; an earlier one stays.
        """
        with new_artifact(path, SHOW_AND_SPEAK, card) as draft:
            draft.config = self.network.config.to_dict()
            draft.facts = {"validation": self.validation}
            draft.requires = {BACKBONE: self.backbone.save(draft.folder / BACKBONE)}
            (draft.folder / WEIGHTS).write_bytes(to_bytes(self.network))
        self.fingerprint = draft.fingerprint
        return draft.fingerprint

    @staticmethod
    def summary(header: Header) -> dict[str, str]:
        """What a user would ask of a Show and Speak."""
        with header.parsing():
            config = ShowAndSpeakConfig.from_dict(header.config)
            figures = {name: f"{value:.4g}" for name, value in header.facts["validation"].items()}
        hop = 1000 * HOP // SPEECH_RATE
        return {"places": config.regions, "frames a step": f"{config.frames_per_step}, of {hop} ms", **figures}

    def use_regions(self, path: str | Path | None) -> None:
        """Names the file of the regions that are described.

        Args:
            path: as of `RegionFile`; None for a describer that needs none.

        Raises:
            OptionError: it needs one and there is none, or the other way round.
            DataError: the file cannot be used, or has other features than those that it learned from.
        """
        self.regions = regions_for(self.network.config, path)

    def features(
        self, images: Sequence[np.ndarray] | np.ndarray, names: Sequence[str | None] | None = None
    ) -> ImageFeatures:
        """What the network is given of images: boxes are shares of the square that the backbone sees, as in training.

        Args:
            images: uint8 RGB [height, width, 3].
            names: by which regions are looked up, for a describer that sees regions of a file.

        Raises:
            OptionError: it needs a file of regions, or an image has no name.
            DataError: the file has no usable regions of an image.
        """
        regions = self.network.config.regions
        if regions not in OF_GRIDS:
            return regions_of(self.regions, names, None)
        return OF_GRIDS[regions](self.backbone.grids(images))

    def utterances(self, features: ImageFeatures) -> list[Utterance]:
        """Spectra of what is said of images, where it looked for each, and why each ended.

        Args:
            features: of the images.

        Raises:
            DataError: as in `ShowAndSpeak.infer`.
        """
        starts = range(0, len(features.cells), BATCH)
        return [one for start in starts for one in self.network.infer(features.select(slice(start, start + BATCH)))]

    def speak(self, features: ImageFeatures, on_event: Listener = nobody) -> list[Float[np.ndarray, " samples"]]:
        """Describes images.

        Args:
            features: of the images.
            on_event: is told which descriptions did not end by themselves, and where they were cut off.

        Returns:
            Of each image mono in [-1, 1] at 16 kHz, 160 samples for each frame. The same features give the same
            samples, in another batch up to rounding.

        Raises:
            DataError: as in `ShowAndSpeak.infer`.
        """
        waveforms = []
        for number, said in enumerate(self.utterances(features), 1):
            waveform = waveform_of_mel(said.log_mel)
            if said.ending == "limit":
                seconds = len(waveform) / SPEECH_RATE
                on_event(Notice(f"image {number}: it had not stopped after {seconds:g} s, the limit, and is cut off"))
            # Only what would clip is made quieter.
            waveforms.append(waveform / max(1.0, float(np.abs(waveform).max())))
        return waveforms
