"""Written descriptions of images by beam search: by avnet, and by PyTorch as tutorials have it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from flax import nnx

from avnet.captioners.captioner import build_captioner
from avnet.captioners.config import CaptionerConfig
from avnet.captioners.features import ImageFeatures, grid_features
from avnet.captioners.guards import Guards
from avnet.captioners.search import Search
from avnet.units.pieces import Pieces
from eval.speed import protocol
from eval.speed.workers import on_jax

LibraryName = Literal["avnet", "torch"]
SIDE, FEATURES = 7, 1280


@dataclass(frozen=True)
class Options:
    """What is described.

    Attributes:
        library: that computes.
        images: at once, where a library takes several.
        words: that there are.
        longest: words of a description, all of which it says: the network is not trained.
        beams: hypotheses of an image that are followed.
    """

    library: LibraryName
    images: int
    words: int
    longest: int
    beams: int


def main() -> None:
    """Answers the request "describe", in images."""
    with protocol.line_of_process() as line:
        options = protocol.options_of_process(Options)
        line.device_peak = on_jax.device_peak
        config = CaptionerConfig.preset(
            "show-attend-tell",
            small=True,
            pieces=options.words,
            image_features=FEATURES,
            longest=options.longest + 1,
        )
        network = build_captioner(config, rngs=nnx.Rngs(0))
        features = random_features(options.images)
        if options.library == "torch":
            import torch  # pyright: ignore[reportMissingImports]: an extra

            from eval.speed.workers.torch_captioner import TorchCaptioner

            twin, cells = TorchCaptioner.of(network, config), torch.from_numpy(features.cells)
            facts = {"library": f"torch {torch.__version__}"}

            def work() -> None:
                for image in cells:
                    twin.describe(image, options.beams)

            torch.set_num_threads(fastest_threads(lambda: twin.describe(cells[0], options.beams), torch))
            facts |= {"threads": torch.get_num_threads()}
        else:
            search = word_search(network, options.words, options.longest)
            neighbors, similarity = nothing_retrieved(config, options.images)
            facts = dict(on_jax.facts())

            def work() -> None:
                search.beam(features, neighbors, similarity, options.beams)

        work()
        protocol.serve(line, {"describe": protocol.way_of(work, options.images)}, {**facts, "compute": "float32"})


def fastest_threads(work: Callable[[], object], torch) -> int:
    """One thread or all of PyTorch's own: the steps of one image are small, and more threads may be slower."""
    seconds = {}
    for threads in (torch.get_num_threads(), 1):
        torch.set_num_threads(threads)
        work()
        began = time.perf_counter()
        work()
        seconds[threads] = time.perf_counter() - began
    return min(seconds, key=seconds.__getitem__)


def random_features(images: int) -> ImageFeatures:
    """Grids of images, as of no network."""
    grids = np.random.default_rng(0).normal(size=(images, SIDE, SIDE, FEATURES))
    return grid_features(grids.astype(np.float32))


def word_search(network, words: int, longest: int) -> Search:
    """A search in which only the number of words is bounded, as it is beside it."""
    return Search(network, Pieces([[word] for word in range(words)]), Guards(longest, longest, collapsed=False))


def nothing_retrieved(config: CaptionerConfig, images: int) -> tuple[np.ndarray, np.ndarray]:
    """Descriptions of similar images, where there are none."""
    shape = (images, config.retrieved)
    return np.full((*shape, config.retrieved_length), config.padding, np.int32), np.zeros(shape, np.float32)


if __name__ == "__main__":
    main()
