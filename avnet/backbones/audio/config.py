"""What an audio backbone is: its network and front end, saved with it; needs no network to be imported."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

from avnet.audio.config import SpectrogramConfig
from avnet.config import Plain, at_most, check_numbers
from avnet.errors import ConfigError

# Transformers over spectrograms.
ASTName = Literal["ast", "cav-mae"]
AudioBackboneName = Literal["yamnet", ASTName]
AUDIO_BACKBONES: tuple[AudioBackboneName, ...] = get_args(AudioBackboneName)
ASTS: tuple[ASTName, ...] = get_args(ASTName)
# AudioSet has 527 classes; six that are hard to tell from others were left out of YAMNet.
AUDIOSET_CLASSES, WHOLE_AUDIOSET = 521, 527
# Of YAMNet, and of others where nothing else is said; there are half as many from one patch to the next.
PATCH_FRAMES = 96
# Kaldi's least power, the distance from 1 to the next number of 32 bits.
LEAST_POWER = 2.0**-23


@dataclass(frozen=True)
class ASTConfig(Plain):
    """Sizes of an Audio Spectrogram Transformer.

    Attributes:
        frames: of the spectrogram in a patch of sound, which has one vector.
        width: channels of a token.
        depth: blocks.
        heads: of the attention.
        hidden: channels inside the layers between attentions.
        tile: side of the square of bands and frames that is a token.
        stride: from one square to the next.
        columns: of squares in time for which positions were learned. Of fewer the middle ones are taken, of more they
            are interpolated.
        tokens: that are of no square and whose mean is the patch's vector: two of AST, for class and distillation; of
            none the vector is the mean over the squares.
        mean, spread: of spectrograms, for which they are corrected.
        epsilon: of the normalization.
    """

    DESCRIBES: ClassVar[str] = "an audio spectrogram transformer"

    frames: int = PATCH_FRAMES
    width: int = 768
    depth: int = at_most(128, 12)
    heads: int = 12
    hidden: int = 3072
    tile: int = at_most(128, 16)
    stride: int = at_most(128, 10)
    columns: int = 101
    tokens: int = at_most(16, 2)
    # AudioSet's mean; AST divides by twice its spread.
    mean: float = -4.2677393
    spread: float = 2 * 4.5689974
    epsilon: float = at_most(1.0, 1e-6)

    def __post_init__(self):
        check_numbers(self)
        for name in ("width", "depth", "heads", "hidden", "tile", "stride", "columns"):
            if getattr(self, name) < 1:
                raise ConfigError(name, f"must be at least 1, got {getattr(self, name)}")
        if self.width % self.heads:
            raise ConfigError("width", f"must be a multiple of the {self.heads} heads, got {self.width}")
        if self.tokens < 0:
            raise ConfigError("tokens", f"must be at least 0, got {self.tokens}")
        if self.frames < self.tile:
            raise ConfigError("frames", f"must be at least {self.tile}, a square of the spectrogram, got {self.frames}")
        for name in ("spread", "epsilon"):
            if getattr(self, name) <= 0:
                raise ConfigError(name, f"must be above 0, got {getattr(self, name)}")

    def places(self, size: int) -> int:
        """Squares that fit into so many bands or frames."""
        return (size - self.tile) // self.stride + 1


@dataclass(frozen=True)
class AudioBackboneConfig(Plain):
    """A network that turns sounds into vectors, one for each patch of a spectrogram.

    Attributes:
        network: its name in the registry, `avnet.backbones.audio.network`.
        spectrogram: the audio front end.
        classes: outputs of the classifier that is kept with it: AudioSet's 521 of YAMNet, of others its 527; or 0 for
            none.
        relu6: whether activations of YAMNet end at 6. In the published 8-bit weights they do, in those of Keras they do
            not.
        ast: of a transformer its sizes, of others None.

    Example:
        >>> avnet.AudioBackboneConfig.yamnet().spectrogram.sample_rate
        16000
    """

    DESCRIBES: ClassVar[str] = "an audio backbone"

    network: AudioBackboneName
    spectrogram: SpectrogramConfig
    classes: int = 0
    relu6: bool = False
    ast: ASTConfig | None = None

    def __post_init__(self):
        if self.network not in AUDIO_BACKBONES:
            raise ConfigError("network", f"must be one of {', '.join(AUDIO_BACKBONES)}, got {self.network!r}")
        check_numbers(self)
        if (self.ast is not None) != (self.network in ASTS):
            raise ConfigError("ast", f"must be given for {', '.join(ASTS)} and for no other network")
        count = AUDIOSET_CLASSES if self.ast is None else WHOLE_AUDIOSET
        if self.classes not in (0, count):
            raise ConfigError("classes", f"must be {count} or 0, got {self.classes}")
        if self.ast is not None and self.relu6:
            raise ConfigError("relu6", f"must be false: {self.network} has other activations")
        if self.ast is not None and self.spectrogram.bins < self.ast.tile:
            raise ConfigError("spectrogram", f"must have at least {self.ast.tile} bands, a square of the transformer")

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

    @property
    def patch_frames(self) -> int:
        """Frames of the spectrogram that one vector is of."""
        return PATCH_FRAMES if self.ast is None else self.ast.frames

    @property
    def patch_samples(self) -> int:
        """Samples that one vector is of."""
        return (self.patch_frames - 1) * self.spectrogram.hop_length + self.spectrogram.win_length

    @classmethod
    def ast_base(cls, classes: int = WHOLE_AUDIOSET, ast: ASTConfig | None = None) -> "AudioBackboneConfig":
        """The Audio Spectrogram Transformer: 768 features for each patch.

        Reference: Gong et al., "AST: Audio Spectrogram Transformer", 2021.
        """
        return cls("ast", _kaldi_front(), classes, ast=ast or ASTConfig())

    @classmethod
    def cav_mae(cls, classes: int = 0, ast: ASTConfig | None = None) -> "AudioBackboneConfig":
        """The branch for sounds of CAV-MAE: 768 features for each patch.

        Reference: Gong et al., "Contrastive Audio-Visual Masked Autoencoder", 2022; mean and spread are those of
        github.com/YuanGongND/cav-mae.
        """
        own = ASTConfig(stride=16, columns=64, tokens=0, mean=-5.081, spread=4.4849, epsilon=1e-5)
        return cls("cav-mae", _kaldi_front(), classes, ast=ast or own)

    @classmethod
    def preset(cls, network: AudioBackboneName) -> "AudioBackboneConfig":
        """The preset of a network by its name."""
        return {"yamnet": cls.yamnet, "ast": cls.ast_base, "cav-mae": cls.cav_mae}[network]()

    @classmethod
    def _of_json(cls, values: dict[str, Any]) -> dict[str, Any]:
        ast = values.get("ast")
        return {
            **values,
            "spectrogram": SpectrogramConfig(**values["spectrogram"]),
            "ast": None if ast is None else ASTConfig.from_dict(ast),
        }


def _kaldi_front() -> SpectrogramConfig:
    """128 bands of 16 kHz, 25 ms every 10 ms."""
    return SpectrogramConfig(
        sample_rate=16_000,
        win_length=400,
        hop_length=160,
        n_fft=512,
        n_mels=128,
        f_min=20.0,
        f_max=8_000.0,
        floor=LEAST_POWER,
        mel="kaldi",
    )
