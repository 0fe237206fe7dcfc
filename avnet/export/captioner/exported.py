"""Exported captioners in use: the folder that `avnet export` wrote of a describer, without the network's code."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from avnet.captioners.config import CaptionerConfig
from avnet.captioners.features import ImageFeatures
from avnet.captioners.guards import Guards, Mask
from avnet.captioners.hypothesis import Candidate, Hypothesis
from avnet.describer.text_folder import WORDS, check_words
from avnet.errors import ConfigError
from avnet.export.captioner.folder import PIECES
from avnet.export.captioner.functions import ENCODE, STEP
from avnet.export.captioner.opening import Run, open_function
from avnet.files.artifact import Header, read_header
from avnet.files.json_file import parse_json
from avnet.files.kinds import EXPORTED_CAPTIONER
from avnet.units.pieces import Pieces
from avnet.units.words import sentence


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
        places: of an image, at most; None for any number.
        never: pieces that no description has.
        words: by number, of a captioner that writes.
    """

    config: CaptionerConfig
    pieces: Pieces
    guards: Guards
    encode: Run
    step: Run
    encoded: int
    places: int | None = None
    never: tuple[int, ...] = ()
    words: tuple[str, ...] = ()

    @classmethod
    def load(cls, path: str | Path) -> "ExportedCaptioner":
        """Opens the folder of an exported captioner.

        Every file is compared with its SHA-256 in `artifact.json` first. That finds damage, not malice: an artefact of
        `jax.export` is code, compiled and run in this process; open only what you would run as a program. ONNX runs on
        the CPU here, image by image.

        Args:
            path: the folder.

        Raises:
            ModelFolderError: it is not an exported captioner, of an earlier or newer avnet, or damaged.
            ConfigError: for ONNX onnxruntime is not installed.
        """
        header = read_header(path, EXPORTED_CAPTIONER)
        with header.parsing():
            config = CaptionerConfig.from_dict(header.config["captioner"])
            guards = Guards(**header.config["guards"])
            pieces = Pieces.of(header.arrays(PIECES))
            kind, places, count = header.config["format"], header.config["places"], header.config["words"]
            # Not `isinstance`: JSON's true is an int to Python.
            if places is not None and not (type(places) is int and places > 0):
                raise ValueError(f"the places are {places!r}")
            never = tuple(int(piece) for piece in header.config["never"])
            words = check_words(parse_json(header.read(WORDS)), config.pieces) if count else ()
        encode, step = (open_function(header, name, kind, config, places) for name in (ENCODE, STEP))
        return cls(config, pieces, guards, encode, step, len(header.config["encoding"]), places, never, words)

    @staticmethod
    def summary(header: Header) -> dict[str, str]:
        """What a user would ask of an exported captioner."""
        with header.parsing():
            captioner, versions = header.config["captioner"], header.config["versions"]
            return {
                "captioner": str(captioner["kind"]),
                "words" if header.config["words"] else "pieces": f"{captioner['pieces']:,}",
                "format": str(header.config["format"]),
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
        images, count = np.shape(features.mask)
        mask = Mask(self.config, self.pieces, self.guards, self.never)
        rewards = np.float32(reward) * mask.lengths.astype(np.float32)
        arrays = self.encode(
            self._filled(features.cells, np.float32),
            self._filled(features.mask, np.bool_),
            self._filled(features.boxes, np.float32),
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
            looks = np.asarray(attention)[:, :count]
            for image in set(range(images)) - candidates.keys():
                following = self._next(mask, hypotheses[image], scores[image], rewards, looks[image])
                if isinstance(following, Candidate):
                    candidates[image] = following
                else:
                    hypotheses[image], tokens[image] = following, following.pieces[-1]
        return [candidates[image] for image in range(images)]

    def sentence(self, numbers: Sequence[int]) -> str:
        """Words by their numbers as they are written: contractions are one again.

        Raises:
            ConfigError: it says units, not words.
        """
        if not self.words:
            raise ConfigError("sentence", "is what captioners over words write; the pieces of this one are units")
        return sentence(self.words[number] for number in numbers)

    def _filled(self, array: np.ndarray, dtype: type) -> np.ndarray:
        """With zeros for the places that an image lacks; in the mask, they do not count."""
        missing = 0 if self.places is None else self.places - np.shape(array)[1]
        sides = [(0, missing if axis == 1 else 0) for axis in range(np.ndim(array))]
        return np.pad(np.asarray(array, dtype), sides)

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
        if self.places is not None and places > self.places:
            raise ConfigError("features", f"must be of {self.places} places at most, as exported, got {places}")
        expected = (images, config.retrieved, config.retrieved_length)
        if np.shape(neighbors) != expected or np.shape(similarity) != expected[:2]:
            shapes = f"{list(np.shape(neighbors))} and {list(np.shape(similarity))}"
            raise ConfigError("descriptions", f"must be {list(expected)} and {list(expected[:2])}, got {shapes}")
