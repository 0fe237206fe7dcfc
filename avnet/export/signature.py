"""The functions of a network that are exported: what they take and what they give."""

from dataclasses import dataclass

from avnet.correspondence.config import ModelConfig
from avnet.correspondence.kinds import NetworkName

DTYPES = ("uint8", "float32")

_UNALIGNED_FEATURES = "pooled features; images' and sounds' are not aligned"
_GROUPS = "the probability of each group of classes, in the order of avnet.names.groups"
# What the embeddings of an image and of a sound hold.
MEANINGS: dict[NetworkName, tuple[str, str]] = {
    "ave": ("of unit length", "of unit length"),
    "avol": ("a vector for each cell of the image, rows from the top, not normalised", "a vector, not normalised"),
    "l3": (_UNALIGNED_FEATURES, _UNALIGNED_FEATURES),
    "joint": ("of unit length", "of unit length"),
    "zero-shot": (f"for each cell of the image, rows from the top, {_GROUPS}", _GROUPS),
}
# What cells and sources hold, where they are not the embeddings.
_CELLS = f"for each cell of the image, rows from the top: a unit vector of the whole image, then {_GROUPS}"
_SOURCE = f"a unit vector of the sound, then {_GROUPS}"


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
    """Those of a network's functions by name: image_encoder, sound_encoder, scorer.

    Of networks with heatmaps also heatmap, and where that is not of the embeddings, cell_encoder and source_encoder.
    """
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
        cells, source, largest = of_image, of_sound, "; the largest is the scorer's"
        if config.kind.cells_apart:
            cells = Tensor("cells", "float32", (*_grid(config), config.cell_features), _CELLS)
            source, largest = Tensor("source", "float32", (config.cell_features,), _SOURCE), ""
            parts["cell_encoder"] = Signature((images,), cells)
            parts["source_encoder"] = Signature((waveforms,), source)
        makes = f"log-odds that what is in a cell makes the sound, rows from the top{largest}"
        grid = Tensor("cell_log_odds", "float32", cells.shape[:2], makes)
        parts["heatmap"] = Signature((cells, source), grid)
    return parts


def _embeddings(config: ModelConfig) -> tuple[Tensor, Tensor]:
    """Those of an image and of a sound."""
    of_image, of_sound = MEANINGS[config.network]
    image, sound = (config.features, config.features) if config.kind.projected else _tower_features(config)
    cells = () if config.kind.one_vector else _grid(config)
    return (
        Tensor("image_embedding", "float32", (*cells, image), of_image),
        Tensor("sound_embedding", "float32", (sound,), of_sound),
    )


def _tower_features(config: ModelConfig) -> tuple[int, int]:
    """Length of what the image tower gives for a cell, and the audio tower for a sound."""
    from avnet.backbones.audio.network import abstract_audio  # they import JAX, which --help does without
    from avnet.backbones.network import abstract

    own = config.widths[-1]
    return (
        own if config.vision is None else abstract(config.vision).features,
        own if config.audio is None else abstract_audio(config.audio).features,
    )


def _grid(config: ModelConfig) -> tuple[int, int]:
    """Rows and columns of an image's grid."""
    if config.vision is None:
        return config.image_size // 16, config.image_size // 16
    from avnet.backbones.network import abstract  # imports JAX, which --help does without

    side = abstract(config.vision).cells(config.image_size)
    return side, side
