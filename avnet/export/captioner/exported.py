"""Exported captioners in use: the folder that `avnet export` wrote of a describer, without the network's code."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax import export

from avnet.captioners.config import CaptionerConfig
from avnet.captioners.features import ImageFeatures
from avnet.captioners.guards import Guards, Mask
from avnet.captioners.hypothesis import Candidate, Hypothesis
from avnet.errors import ConfigError, ModelFolderError
from avnet.export.captioner.folder import PIECES, file_of
from avnet.export.captioner.functions import ENCODE, STEP
from avnet.files.artifact import HEADER, Header, read_header
from avnet.files.kinds import EXPORTED_CAPTIONER
from avnet.units.pieces import Pieces

# Arrays in, arrays out.
Run = Callable[..., list[jax.Array]]


@dataclass(frozen=True)
class ExportedCaptioner:
    """A captioner's two functions, with what a search needs beside them.

    Attributes:
        config: kind and sizes.
        pieces: that it says.
        guards: of its search.
        encode: from features and retrieved descriptions to the arrays of the encoding and of the first state.
        step: from those and a token to log-probabilities, attention and the arrays of the next state.
        encoded: how many of the arrays are the encoding's.
    """

    config: CaptionerConfig
    pieces: Pieces
    guards: Guards
    encode: Run
    step: Run
    encoded: int

    @classmethod
    def load(cls, path: str | Path) -> "ExportedCaptioner":
        """Opens the folder of an exported captioner.

        Every file is compared with its SHA-256 in `artifact.json` first. That finds damage, not malice: an artefact of
        `jax.export` is code, compiled and run in this process; open only what you would run as a program.

        Args:
            path: the folder.

        Raises:
            ModelFolderError: it is not an exported captioner, of an earlier or newer avnet, or damaged.
        """
        header = read_header(path, EXPORTED_CAPTIONER)
        with header.parsing():
            config = CaptionerConfig.from_dict(header.config["captioner"])
            guards = Guards(**header.config["guards"])
            pieces = Pieces.of(header.arrays(PIECES))
            encoding, state = ([_of_json(one) for one in header.config[name]] for name in ("encoding", "state"))
            jax_version = str(header.config["versions"]["jax"])
        encode = _open(header, ENCODE, jax_version, outputs=[*encoding, *state])
        step = _open(header, STEP, jax_version, inputs=[*encoding, *state, ("int32", ("batch",))])
        return cls(config, pieces, guards, encode, step, len(encoding))

    @staticmethod
    def summary(header: Header) -> dict[str, str]:
        """What a user would ask of an exported captioner."""
        with header.parsing():
            captioner, versions = header.config["captioner"], header.config["versions"]
            return {
                "captioner": str(captioner["kind"]),
                "pieces": f"{captioner['pieces']:,}",
                "written by": ", ".join(f"{name} {version}" for name, version in versions.items()),
            }

    def describe(
        self, features: ImageFeatures, neighbors: np.ndarray, similarity: np.ndarray, reward: float = 0.0
    ) -> list[Candidate]:
        """The best piece after the best piece for each image, as `Search.stream` has it.

        Args:
            features: of the images.
            neighbors: int [images, descriptions, length], pieces, padded.
            similarity: float [images, descriptions].
            reward: that each unit gets, natural logarithm.

        Raises:
            ConfigError: features or descriptions have other sizes than it takes.
        """
        self._check(features, neighbors, similarity)
        images = len(features.cells)
        mask = Mask(self.config, self.pieces, self.guards)
        rewards = np.float32(reward) * mask.lengths.astype(np.float32)
        arrays = self.encode(
            np.asarray(features.cells, np.float32),
            np.asarray(features.mask, bool),
            np.asarray(features.boxes, np.float32),
            np.asarray(neighbors, np.int32),
            np.asarray(similarity, np.float32),
        )
        encoding, state = arrays[: self.encoded], arrays[self.encoded :]
        hypotheses, candidates = [Hypothesis()] * images, dict[int, Candidate]()
        progress, tokens = mask.begin(images), np.full(images, self.config.end, np.int32)
        while len(candidates) < images:
            log_p, attention, *state = self.step(*encoding, *state, tokens)
            progress = mask.advance(progress, jnp.asarray(tokens))
            scores = np.where(mask.allowed(progress, self.config.longest), log_p, -np.inf)
            looks = np.asarray(attention)
            for image in set(range(images)) - candidates.keys():
                following = self._next(mask, hypotheses[image], scores[image], rewards, looks[image])
                if isinstance(following, Candidate):
                    candidates[image] = following
                else:
                    hypotheses[image], tokens[image] = following, following.pieces[-1]
        return [candidates[image] for image in range(images)]

    def _next(
        self, mask: Mask, hypothesis: Hypothesis, scores: np.ndarray, rewards: np.ndarray, look: np.ndarray
    ) -> Hypothesis | Candidate:
        """With the best piece that repeats no run, or the description where it ends."""
        for symbol in np.argsort(-(scores + rewards), kind="stable").tolist():
            total = hypothesis.log_probability + float(scores[symbol])
            if not np.isfinite(total):
                break
            if symbol == self.config.end:
                return mask.end(hypothesis, total, self.config.longest)
            if longer := mask.extend(hypothesis, symbol, total, look):
                return longer
        return hypothesis.finish("stuck")

    def _check(self, features: ImageFeatures, neighbors: np.ndarray, similarity: np.ndarray) -> None:
        config, (images, places, size) = self.config, np.shape(features.cells)
        if size != config.image_features or not images or not places:
            expected = f"[images, places, {config.image_features}]"
            raise ConfigError("features", f"must be {expected}, got {[images, places, size]}")
        expected = (images, config.retrieved, config.retrieved_length)
        if np.shape(neighbors) != expected or np.shape(similarity) != expected[:2]:
            shapes = f"{list(np.shape(neighbors))} and {list(np.shape(similarity))}"
            raise ConfigError("descriptions", f"must be {list(expected)} and {list(expected[:2])}, got {shapes}")


# An array's type, and its shape as text.
_Shape = tuple[str, tuple[str, ...]]


def _of_json(values: dict) -> _Shape:
    return str(values["dtype"]), tuple(map(str, values["shape"]))


def _open(
    header: Header,
    name: str,
    version: str,
    *,
    inputs: list[_Shape] | None = None,
    outputs: list[_Shape] | None = None,
) -> Run:
    content = header.read(file_of(name))
    try:
        artefact = export.deserialize(bytearray(content))
    except Exception as error:  # JAX raises many kinds; each means that it cannot read the file
        reason = f"written by jax {version}, cannot be read ({error})"
        raise ModelFolderError(header.folder / file_of(name), reason) from None
    for avals, expected in ((artefact.in_avals, inputs), (artefact.out_avals, outputs)):
        shapes = [(str(aval.dtype), tuple(map(str, aval.shape))) for aval in avals]
        if expected is not None and shapes != expected:
            raise ModelFolderError(header.folder / file_of(name), f"is of other arrays than {HEADER} says")
    return jax.jit(artefact.call)
