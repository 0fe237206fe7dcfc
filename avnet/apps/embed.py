"""Embeddings of images, and of the evenly spaced frames and clips of videos and sounds."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from avnet.apps.archive.full_batches import Moments, embed_files
from avnet.apps.archive.moments import EmbedOptions, read_samples
from avnet.apps.inputs import find_media, open_model_for, refuse_all
from avnet.correspondence.kinds import models_that
from avnet.errors import AvnetError, MediaError
from avnet.events import LeftOut, Listener, nobody, steps
from avnet.files.whole import whole_file
from avnet.index.segment import Kind

if TYPE_CHECKING:
    from avnet.correspondence.model import Model


@dataclass(frozen=True)
class Embeddings:
    """The embeddings of many files.

    Attributes:
        vectors: float32 [n, features].
        files: n paths, of the file that each comes from.
        times: float64 [n], of each frame and of the middle of each clip, seconds.
        kinds: n, what was embedded.
        fingerprint: of the model.
        refusals: why files were left out.
    """

    vectors: np.ndarray
    files: list[str]
    times: np.ndarray
    kinds: list[Kind]
    fingerprint: str
    refusals: tuple[AvnetError, ...]

    def save(self, file: Path) -> None:
        """Writes an .npz file of the arrays embeddings, path, time_s, kind and model.

        Raises:
            AvnetError: it cannot be written.
        """
        with whole_file(file) as temporary, temporary.open("wb") as stream:
            np.savez(
                stream,
                embeddings=self.vectors,
                path=np.array(self.files),
                time_s=self.times,
                kind=np.array(self.kinds),
                model=np.array(self.fingerprint),
            )


def embed(
    model: "str | Path | Model",
    inputs: Iterable[str | Path],
    options: EmbedOptions | None = None,
    on_event: Listener = nobody,
) -> Embeddings:
    """Embeds images, and the frames and clips of videos and sounds.

    Args:
        model: one that has an embedding of an image, or its folder.
        inputs: files, and folders that are searched for them.
        options: which moments.
        on_event: is told of progress and of what is left out.

    Raises:
        AvnetError: the model or all of the inputs cannot be used.
    """
    options = options or EmbedOptions()
    files, others = find_media(inputs)
    reason = f"has no single embedding for an image; embed takes {models_that(lambda kind: kind.one_vector)}"
    model = open_model_for(model, lambda kind: None if kind.one_vector else reason)
    parts: list[Moments] = []
    names: list[str] = []
    refusals: list[AvnetError] = list(others)
    total = len(files) + len(refusals)
    for error in refusals:
        on_event(LeftOut(error))
    results = embed_files(model, files, lambda file: read_samples(file, model.config, options))
    for file, result in steps(results, "embedding", len(files), "files", on_event):
        if isinstance(result, MediaError):
            refusals.append(result)
            if total > 1:  # else it is the reason why all is refused, and said once
                on_event(LeftOut(result))
            continue
        parts.append(result)
        names += [str(file)] * len(result.times)
    # What was read says more of why nothing came of it than what lay beside it.
    refuse_all(refusals[len(others) :] + refusals[: len(others)], total)
    return Embeddings(
        np.concatenate([part.embeddings for part in parts]),
        names,
        np.concatenate([part.times for part in parts]),
        [kind for part in parts for kind in part.kinds],
        model.fingerprint,
        tuple(refusals),
    )
