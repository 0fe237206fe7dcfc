"""What a network of correspondence is: its kind, sizes and audio front end, saved with every model."""

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

from avnet.audio.config import SpectrogramConfig
from avnet.backbones.audio.config import AudioBackboneConfig
from avnet.backbones.config import BackboneConfig
from avnet.config import Plain, at_most, check_numbers
from avnet.correspondence.kinds import KINDS, NetworkKind, NetworkName
from avnet.errors import ConfigError
from avnet.moments.moment import Moment
from avnet.names.groups import GROUPS

# The papers' sizes, and those for a CPU.
PresetName = Literal["paper", "small"]
# Of networks that see an image, the frames of a second, or an image and its motion.
ModelPresetName = Literal[PresetName, "paper-frames", "small-frames", "paper-flow", "small-flow"]
# Fewer would leave nothing of time: it is divided by 16, as height and width are.
LEAST_FRAMES = 15
# Of backbones, which see each frame by itself: all of a second.
MOST_POOLED = 25


@dataclass(frozen=True)
class ModelConfig(Plain):
    """A network and all that it takes to run it.

    Attributes:
        network: 'ave' (AVE-Net), 'avol' (AVOL-Net), 'l3' (L3-Net), 'joint' or 'zero-shot'.
        image_size: side of the square training crop, pixels.
        clip_s: seconds of sound in one clip.
        widths: channels of the four convolution stages of either of the papers' towers.
        embedding_size: length of the shared embedding; of joint that of its learned part; of L3-Net the fusion's hidden
            layer; of zero-shot the number of groups of classes.
        distance_slope: AVE-Net's fc3 starts as logit difference = distance_bias - distance_slope * distance; a positive
            slope is the right sign (small distance = corresponds). A public re-implementation of the paper starts at
            1.418 and 2.437 (weights -/+0.709, biases +/-1.2186).
        distance_bias: see above.
        spectrogram: the audio front end.
        vision: a backbone in place of the papers' image tower, at the same image size.
        audio: a backbone in place of the papers' audio tower, with the same front end.
        frames: number of frames that are seen of a moment, spread over a second: 1, or more. The papers' image tower
            sees 15 and more by convolutions in time too (AVE+MF: 25); of a backbone's features the mean is taken over 2
            to 25 frames.
        flow_fields: number of fields of optical flow that are seen beside one frame, in a stream of their own (AVE+OF:
            10).

    Example:
        >>> config = avnet.ModelConfig.small("avol")
        >>> config.clip_samples == config.clip_s * config.spectrogram.sample_rate
        True
    """

    DESCRIBES: ClassVar[str] = "a model"

    network: NetworkName = "ave"
    image_size: int = at_most(4096, 224)
    clip_s: float = at_most(60.0, 1.0)
    widths: tuple[int, int, int, int] = (64, 128, 256, 512)
    embedding_size: int = 128
    distance_slope: float = 1.418
    distance_bias: float = 2.4372
    spectrogram: SpectrogramConfig = field(default_factory=SpectrogramConfig)
    vision: BackboneConfig | None = None
    audio: AudioBackboneConfig | None = None
    frames: int = at_most(250, 1)
    flow_fields: int = at_most(100, 0)

    def __post_init__(self):
        check_numbers(self)
        if self.network not in KINDS:
            raise ConfigError("network", f"must be one of {', '.join(KINDS)}, got {self.network!r}")
        if len(self.widths) != 4 or min(self.widths) < 1:
            raise ConfigError("widths", f"must be four positive channel counts, got {self.widths}")
        if self.image_size < 16 or self.image_size % 16:
            raise ConfigError("image_size", f"must be a multiple of 16, got {self.image_size}")
        if self.vision is not None and self.vision.image_size != self.image_size:
            raise ConfigError("image_size", f"must be that of the backbone, {self.vision.image_size}")
        if self.audio is not None and self.audio.spectrogram != self.spectrogram:
            raise ConfigError("spectrogram", "must be that of the audio backbone")
        if self.audio is not None and self.clip_samples < self.audio.patch_samples:
            least = self.audio.patch_samples / self.spectrogram.sample_rate
            raise ConfigError("clip_s", f"must be at least {least:g}, what the audio backbone makes a vector of")
        if self.kind.named and not (self.vision and self.vision.classes and self.audio and self.audio.classes):
            raise ConfigError(self.network, "takes two backbones that keep their classifiers")
        if self.vision is not None and not 1 <= self.frames <= MOST_POOLED:
            raise ConfigError("frames", f"must be from 1 to {MOST_POOLED} on backbones, got {self.frames}")
        if self.vision is None and self.frames != 1 and self.frames < LEAST_FRAMES:
            raise ConfigError(
                "frames", f"must be 1, or at least {LEAST_FRAMES} for the papers' towers, got {self.frames}"
            )
        if self.flow_fields < 0 or (self.flow_fields and self.frames > 1):
            raise ConfigError("flow_fields", "must be at least 0, and goes with a single frame")
        if self.flow_fields and self.on_known_towers:
            raise ConfigError("flow_fields", "go with the papers' towers; a backbone sees images, not their motion")
        if self.embedding_size < 1:
            raise ConfigError("embedding_size", f"must be at least 1, got {self.embedding_size}")
        if self.distance_slope <= 0:
            raise ConfigError("distance_slope", "must be above 0: a small distance means that the pair corresponds")
        if self.spectrogram.frames(self.clip_samples) < 16 or self.spectrogram.bins < 16:
            raise ConfigError("spectrogram", "is smaller than 16x16 for one clip; the towers halve it four times")

    @property
    def clip_samples(self) -> int:
        """Samples in one clip of sound."""
        return round(self.clip_s * self.spectrogram.sample_rate)

    @property
    def moment(self) -> Moment:
        """How much of a moment is seen."""
        return Moment(self.frames, self.flow_fields)

    @property
    def pools_frames(self) -> bool:
        """Whether it sees several frames one by one, and takes the mean of their features."""
        return self.frames > 1 and self.vision is not None

    @property
    def kind(self) -> NetworkKind:
        """What the network can do."""
        return KINDS[self.network]

    @property
    def towers(self) -> str:
        """What the towers are, for people."""
        own = f"the paper's, {', '.join(map(str, self.widths))} wide"
        vision = own if self.vision is None else self.vision.network
        audio = own if self.audio is None else self.audio.network
        return own if vision == audio else f"{vision} (images), {audio} (sounds)"

    @property
    def title(self) -> str:
        """The network's name as published."""
        if self.moment.is_image or self.pools_frames:
            return self.kind.title
        return self.kind.title.removesuffix("-Net") + ("+MF" if self.frames > 1 else "+OF")

    @property
    def on_known_towers(self) -> bool:
        """Whether its towers are backbones that were trained elsewhere."""
        return self.vision is not None or self.audio is not None

    @property
    def features(self) -> int:
        """Length of the vectors that stand for an image or a sound.

        L3-Net's are its towers' pooled features; in those of a joint network two numbers tell of what has no name.
        """
        if self.kind.cells_apart:
            return self.cell_features + 2
        return self.embedding_size if self.kind.projected else self.widths[-1]

    @property
    def cell_features(self) -> int:
        """Length of the vectors of cells, and of sounds, that heatmaps are made of."""
        return self.embedding_size + (len(GROUPS) if self.kind.cells_apart else 0)

    @classmethod
    def on_backbones(
        cls,
        network: NetworkName,
        vision: BackboneConfig,
        audio: AudioBackboneConfig,
        embedding_size: int = 128,
        frames: int = 1,
    ) -> "ModelConfig":
        """A network on two backbones that were trained elsewhere; the distance head starts as in `small`.

        It takes one second of sound, or where sounds have names two, in which most can be told, or as much as the audio
        backbone makes a vector of.
        """
        return cls(
            network=network,
            image_size=vision.image_size,
            clip_s=max(2.0 if KINDS[network].named else 1.0, audio.patch_samples / audio.spectrogram.sample_rate),
            embedding_size=embedding_size,
            distance_slope=10.0,
            distance_bias=10.0,
            spectrogram=audio.spectrogram,
            vision=vision,
            audio=audio,
            frames=frames,
        )

    @classmethod
    def zero_shot(cls, vision: BackboneConfig, audio: AudioBackboneConfig, frames: int = 1) -> "ModelConfig":
        """Two classifiers joined by the names of their classes."""
        return cls.on_backbones("zero-shot", vision, audio, len(GROUPS), frames)

    @classmethod
    def ave_net(cls) -> "ModelConfig":
        """AVE-Net as published: 9,541,636 trainable parameters."""
        return cls(network="ave")

    @classmethod
    def ave_net_frames(cls) -> "ModelConfig":
        """AVE+MF: 25 frames, 3-D convolutions."""
        return cls.preset("ave", "paper-frames")

    @classmethod
    def ave_net_flow(cls) -> "ModelConfig":
        """AVE+OF: a frame and 10 fields of optical flow, two streams."""
        return cls.preset("ave", "paper-flow")

    @classmethod
    def avol_net(cls) -> "ModelConfig":
        """AVOL-Net as published."""
        return cls(network="avol")

    @classmethod
    def l3_net(cls) -> "ModelConfig":
        """L3-Net as retrained in "Objects that Sound"."""
        return cls(network="l3")

    @classmethod
    def small(cls, network: NetworkName = "ave") -> "ModelConfig":
        """For a CPU: 112 pixels, log-mel 64 x 99, a quarter of the width.

        The distance head starts steeper than the paper's, at the slope that a contrastive loss over a batch needs
        (about a temperature of 0.1 on the cosine), with its zero at a distance of 1.
        """
        front = SpectrogramConfig(win_length=960, hop_length=480, n_fft=1024, n_mels=64)
        return cls(
            network=network,
            image_size=112,
            widths=(16, 32, 64, 128),
            distance_slope=10.0,
            distance_bias=10.0,
            spectrogram=front,
        )

    @classmethod
    def preset(cls, network: NetworkName, preset: ModelPresetName) -> "ModelConfig":
        """The preset of a network by name."""
        size, _, seen = preset.partition("-")
        config = cls.small(network) if size == "small" else cls(network=network)
        return replace(config, **{"": {}, "frames": {"frames": 25}, "flow": {"flow_fields": 10}}[seen])

    @classmethod
    def _of_json(cls, values: dict[str, Any]) -> dict[str, Any]:
        spectrogram = SpectrogramConfig(**values.pop("spectrogram"))
        vision, audio = values.pop("vision", None), values.pop("audio", None)
        return {
            **values,
            "widths": tuple(values["widths"]),
            "spectrogram": spectrogram,
            "vision": None if vision is None else BackboneConfig.from_dict(vision),
            "audio": None if audio is None else AudioBackboneConfig.from_dict(audio),
        }
