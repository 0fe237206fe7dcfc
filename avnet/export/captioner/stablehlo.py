"""A captioner's two functions as artefacts of `jax.export`, for any number of images and of places."""

from collections.abc import Callable, Sequence

import jax
from jax import export

from avnet.captioners.captioner import Captioner
from avnet.export.captioner.functions import ENCODE, STEP, Functions, flat_functions
from avnet.export.stablehlo import PLATFORMS, no_tracebacks


def jax_functions(network: Captioner) -> Functions:
    """The two functions of a captioner, for the CPU, NVIDIA GPUs and TPUs.

    Args:
        network: becomes one in evaluation mode.
    """
    batch, places = export.symbolic_shape("batch, places")
    with no_tracebacks():
        flat = flat_functions(network, batch, places, over_batch=True)
        files = {
            ENCODE: _artefact(flat.encode, flat.inputs),
            STEP: _artefact(flat.step, (*flat.leaves, flat.token)),
        }
    return Functions(files, flat.encoding, flat.state)


def _artefact(function: Callable, inputs: Sequence[jax.ShapeDtypeStruct]) -> bytes:
    return bytes(export.export(jax.jit(function), platforms=PLATFORMS)(*inputs).serialize())
