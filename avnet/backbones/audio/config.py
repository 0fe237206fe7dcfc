"""What an audio backbone is: its network and front end, saved with it; needs no network to be imported."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

from avnet.audio.config import SpectrogramConfig
from avnet.config import Plain, check_numbers
from avnet.errors import ConfigError

AudioBackboneName = Literal["yamnet"]
AUDIO_BACKBONES: tuple[AudioBackboneName, ...] = get_args(AudioBackboneName)
# AudioSet has 527 classes; six that are hard to tell from others were left out of YAMNet.
AUDIOSET_CLASSES = 521


@dataclass(frozen=True)
class AudioBackboneConfig(Plain):
    """A network that turns sounds into vectors, one for each patch of a spectrogram.

    Attributes:
        network: its name in the registry, `avnet.backbones.audio.network`.
        spectrogram: the audio front end.
        classes: outputs of the classifier that is kept with it: AudioSet's 521, or 0 for none.
        relu6: whether activations end at 6. In the published 8-bit weights they do, in those of Keras they do not.

    Example:
        >>> avnet.AudioBackboneConfig.yamnet().spectrogram.sample_rate
        16000
    """

    DESCRIBES: ClassVar[str] = "an audio backbone"

    network: AudioBackboneName
    spectrogram: SpectrogramConfig
    classes: int = 0
    relu6: bool = False

    def __post_init__(self):
        if self.network not in AUDIO_BACKBONES:
            raise ConfigError("network", f"must be one of {', '.join(AUDIO_BACKBONES)}, got {self.network!r}")
        check_numbers(self)
        if self.classes not in (0, AUDIOSET_CLASSES):
            raise ConfigError("classes", f"must be {AUDIOSET_CLASSES} or 0, got {self.classes}")

    @classmethod
    def yamnet(cls, classes: int = AUDIOSET_CLASSES, relu6: bool = False) -> "AudioBackboneConfig":
        """YAMNet: 1,024 features for .96 s of sound, every .48 s.

        Reference: github.com/tensorflow/models, research/audioset/yamnet, `params.py`.
        """
        front = SpectrogramConfig(
            sample_rate=16_000,
            win_length=400,
            hop_length=160,
            n_fft=512,
            n_mels=64,
            f_min=125.0,
            f_max=7_500.0,
            mel="magnitude",
        )
        return cls("yamnet", front, classes, relu6)

    @classmethod
    def _of_json(cls, values: dict[str, Any]) -> dict[str, Any]:
        return {**values, "spectrogram": SpectrogramConfig(**values["spectrogram"])}
