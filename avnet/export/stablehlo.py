"""A network's functions as artefacts of `jax.export`: StableHLO with the weights in it.

JAX loads what an earlier JAX wrote within six months, and a later one within three weeks.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import cast

import jax
import jax.numpy as jnp
from jax import export

from avnet.audio.spectrogram import log_spectrogram
from avnet.correspondence.network import Localizer, Network
from avnet.export.signature import Signature, Tensor

PLATFORMS = ("cpu", "cuda", "tpu")


def functions(network: Network) -> dict[str, Callable]:
    """Those that can be exported, with the preprocessing before them, by name.

    Args:
        network: in evaluation mode.
    """
    front = network.config.spectrogram
    functions_by_name: dict[str, Callable] = {
        "image_encoder": lambda images: network.encode_images(images.astype(jnp.float32) / 255.0),
        "sound_encoder": lambda waveforms: network.encode_sounds(log_spectrogram(waveforms, front)),
        "scorer": lambda images, sounds: network.score(images, sounds),
    }
    if network.config.kind.heatmaps:
        localizer = cast(Localizer, network)
        functions_by_name |= {
            "cell_encoder": lambda images: localizer.encode_cells(images.astype(jnp.float32) / 255.0),
            "source_encoder": lambda waveforms: localizer.encode_sources(log_spectrogram(waveforms, front)),
            "heatmap": lambda cells, sources: localizer.response(cells, sources),
        }
    return functions_by_name


def stablehlo(network: Network, signatures: Mapping[str, Signature]) -> dict[str, bytes]:
    """The artefacts by name, for any batch from 1, on the CPU, NVIDIA GPUs and TPUs.

    Args:
        network: in evaluation mode.
        signatures: of the functions.
    """
    by_name = functions(network)
    with no_tracebacks():
        return {name: _artefact(by_name[name], signature) for name, signature in signatures.items()}


def _artefact(function: Callable, signature: Signature) -> bytes:
    # An open batch: one file for any number of examples.
    (batch,) = export.symbolic_shape("batch")

    def shape_of(tensor: Tensor) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct((batch, *tensor.shape), jnp.dtype(tensor.dtype))

    artefact = export.export(jax.jit(function), platforms=PLATFORMS)(*map(shape_of, signature.inputs))
    return bytes(artefact.serialize())


@contextlib.contextmanager
def no_tracebacks() -> Iterator[None]:
    """Keeps out of artefacts which lines of which files they come from: those files' names are this machine's."""
    option = "jax_traceback_in_locations_limit"
    limit = getattr(jax.config, option)
    jax.config.update(option, 0)
    try:
        yield
    finally:
        jax.config.update(option, limit)
