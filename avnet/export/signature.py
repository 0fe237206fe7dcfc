"""The functions of a network that are exported: what they take and what they give."""

from dataclasses import dataclass

from avnet.correspondence.config import ModelConfig
from avnet.correspondence.kinds import NetworkName
from avnet.errors import ConfigError

DTYPES = ("uint8", "float32")

_UNALIGNED_FEATURES = "pooled features; images' and sounds' are not aligned"
# What the embeddings of an image and of a sound hold.
MEANINGS: dict[NetworkName, tuple[str, str]] = {
    "ave": ("of unit length", "of unit length"),
    "avol": ("a vector for each cell of the image, rows from the top, not normalised", "a vector, not normalised"),
    "l3": (_UNALIGNED_FEATURES, _UNALIGNED_FEATURES),
}


@dataclass(frozen=True)
class Tensor:
    """An array that goes in or comes out; its first axis is the batch, any number from 1.

    Attributes:
        name: of it in a graph.
        dtype: 'uint8' or 'float32'.
        shape: of one example.
        meaning: what it holds, with unit and range, in words.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    meaning: str

    @property
    def dimensions(self) -> tuple[str | int, ...]:
        """The shape with the batch before it."""
        return ("batch", *self.shape)

    def __str__(self) -> str:
        return f"{self.name} {self.dtype} [{', '.join(map(str, self.dimensions))}]"


@dataclass(frozen=True)
class Signature:
    """What a function takes and gives; example i of the output depends on example i of each input alone."""

    inputs: tuple[Tensor, ...]
    output: Tensor

    def __str__(self) -> str:
        return f"{', '.join(map(str, self.inputs))} -> {self.output}"


def signatures(config: ModelConfig) -> dict[str, Signature]:
    """Those of a network's functions by name: image_encoder, sound_encoder, scorer; of AVOL-Net also heatmap.

    Raises:
        ConfigError: such a network is not exported.
    """
    if config.network not in MEANINGS:
        raise ConfigError(config.network, "cannot be exported")
    side, sound = config.image_size, config.spectrogram
    pixels = "RGB, 0 to 255: the square in the middle of an image, scaled to this size (bilinear, antialiased)"
    if not config.moment.is_image:
        pixels += f"{config.moment.beside_image}, in the channels as avnet.moments.moment has them"
    images = Tensor("images", "uint8", (side, side, config.moment.channels), pixels)
    samples = f"mono sound in [-1, 1] at {sound.sample_rate} Hz, {config.clip_s:g} s"
    waveforms = Tensor("waveforms", "float32", (config.clip_samples,), samples)
    of_image, of_sound = _embeddings(config)
    belong = "natural log-odds that image and sound belong together; 1 / (1 + exp(-x)) is the probability"
    parts = {
        "image_encoder": Signature((images,), of_image),
        "sound_encoder": Signature((waveforms,), of_sound),
        "scorer": Signature((of_image, of_sound), Tensor("log_odds", "float32", (), belong)),
    }
    if config.kind.heatmaps:
        makes = "log-odds that what is in a cell makes the sound, rows from the top; the largest is the scorer's"
        grid = Tensor("cell_log_odds", "float32", of_image.shape[:2], makes)
        parts["heatmap"] = Signature((of_image, of_sound), grid)
    return parts


def _embeddings(config: ModelConfig) -> tuple[Tensor, Tensor]:
    """Those of an image and of a sound."""
    image, sound = MEANINGS[config.network]
    shape = (config.features,)
    cells = () if config.kind.one_vector else _cells(config)
    return (
        Tensor("image_embedding", "float32", (*cells, *shape), image),
        Tensor("sound_embedding", "float32", shape, sound),
    )


def _cells(config: ModelConfig) -> tuple[int, int]:
    """Rows and columns of an image's grid."""
    if config.vision is None:
        return config.image_size // 16, config.image_size // 16
    from avnet.backbones.network import abstract  # imports JAX, which --help does without

    side = abstract(config.vision).cells(config.image_size)
    return side, side
