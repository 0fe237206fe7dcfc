"""The sizes of a Tacotron 2, and of the part of it that makes spectra."""

from dataclasses import dataclass
from typing import ClassVar

from avnet.config import Plain, check_numbers
from avnet.errors import ConfigError
from avnet.units.kmeans import MAX_UNITS

# What no size of a layer may be beyond, by field.
_LARGEST = {
    **dict.fromkeys(("width", "prenet", "attention_hidden", "decoder_hidden", "attention", "postnet"), 4096),
    **dict.fromkeys(("location_filters", "speaker_width"), 4096),
    **dict.fromkeys(("convolutions", "postnet_convolutions"), 16),
    **dict.fromkeys(("kernel", "postnet_kernel", "location_kernel"), 255),
    "frames_per_step": 8,
}


@dataclass(frozen=True, kw_only=True)
class SpectrumConfig(Plain):
    """Sizes of what makes log-mel spectra of 80 bands every 10 ms out of features to attend to.

    Attributes:
        frames_per_step: frames that the decoder makes at once, its reduction factor. More are faster and easier to
            align; but where tokens are shorter than a step, attention has to jump over some.
        width: features of a token, or of whatever is attended to.
        prenet: features of each of the two layers through which the last frames enter.
        attention_hidden: units of the LSTM that asks where to look.
        decoder_hidden: units of the LSTM that says the frames.
        attention: features in which tokens, query and location are compared.
        location_filters: features of where it has looked.
        location_kernel: tokens under their convolution, odd.
        postnet: features of the convolutions that refine the frames.
        postnet_convolutions: how many they are, two or more; the last one has 80 features.
        postnet_kernel: frames under each of them, odd.
        dropout: of all convolutions, in training.
        lstm_dropout: of the outputs of the decoder's two LSTMs, in training.
        prenet_dropout: of the prenet, in training and in use: without it a trained network stutters.
    """

    frames_per_step: int = 1
    width: int = 512
    prenet: int = 256
    attention_hidden: int = 1024
    decoder_hidden: int = 1024
    attention: int = 128
    location_filters: int = 32
    location_kernel: int = 31
    postnet: int = 512
    postnet_convolutions: int = 5
    postnet_kernel: int = 5
    dropout: float = 0.5
    lstm_dropout: float = 0.1
    prenet_dropout: float = 0.5

    def __post_init__(self):
        check_numbers(self)
        for name, largest in _LARGEST.items():
            least = 2 if name == "postnet_convolutions" else 1
            if not least <= (size := getattr(self, name, least)) <= largest:
                raise ConfigError(name, f"must be from {least} to {largest}, got {size}")
        for name in ("kernel", "postnet_kernel", "location_kernel"):
            if getattr(self, name, 1) % 2 == 0:
                raise ConfigError(name, f"must be odd, got {getattr(self, name)}")
        for name in ("dropout", "lstm_dropout", "prenet_dropout"):
            check_rate(name, getattr(self, name))


def check_rate(name: str, rate: float) -> None:
    """Refuses a rate of dropout that cannot be.

    Args:
        name: of the field.
        rate: a multiple of 1/256; one that would be rounded to 1 leaves nothing.

    Raises:
        ConfigError: it is not from 0 to 0.99.
    """
    if not 0 <= rate <= 0.99:
        raise ConfigError(name, f"must be from 0 to 0.99, got {rate}")


@dataclass(frozen=True)
class Tacotron2Config(SpectrumConfig):
    """Sizes of a Tacotron 2, from tokens of any kind to log-mel spectra of 80 bands every 10 ms.

    Its width is even: half of the features of a token are from either direction of the encoder's LSTM.

    Attributes:
        tokens: how many there are: units, pieces, phones or characters.
        convolutions: of the encoder.
        kernel: tokens under each of them, odd.
        speakers: how many there are; 0 is for one, that needs no embedding.
        speaker_width: features of a speaker, joined to the input and to the output of the decoder's LSTM.

    Example:
        >>> Tacotron2Config.small(500).frames_per_step
        2
    """

    DESCRIBES: ClassVar[str] = "a Tacotron 2"

    tokens: int
    convolutions: int = 3
    kernel: int = 5
    speakers: int = 0
    speaker_width: int = 256

    def __post_init__(self):
        super().__post_init__()
        if not 1 <= self.tokens <= MAX_UNITS:
            raise ConfigError("tokens", f"must be from 1 to {MAX_UNITS}, got {self.tokens}")
        if self.width % 2:
            raise ConfigError("width", f"must be even, one half for either direction, got {self.width}")
        if self.speakers < 0:
            raise ConfigError("speakers", f"must be 0 or more, got {self.speakers}")

    @classmethod
    def paper(cls, tokens: int) -> "Tacotron2Config":
        """The published network, as NVIDIA and torchaudio built it: 28.2 million parameters with 148 tokens."""
        return cls(tokens)

    @classmethod
    def small(cls, tokens: int) -> "Tacotron2Config":
        """For a CPU: 5.6 million parameters, two frames a step."""
        return cls(
            tokens, frames_per_step=2, width=256, prenet=128, attention_hidden=384, decoder_hidden=384, postnet=256
        )

    @property
    def joined(self) -> int:
        """Features of a speaker that are joined to others; none where there is one speaker."""
        return self.speaker_width if self.speakers else 0
