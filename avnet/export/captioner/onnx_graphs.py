"""A captioner's two functions as ONNX graphs, for one image with a fixed number of places."""

import jax

from avnet.captioners.captioner import Captioner
from avnet.export.captioner.functions import ENCODE, STEP, Functions, flat_functions, inputs_of
from avnet.export.jaxpr_onnx.operators import OPERATORS
from avnet.export.jaxpr_onnx.translation import translate

# Of arrays of the next state, so that their names are not those of the state before.
NEXT = "next_"


def onnx_functions(network: Captioner, places: int) -> Functions:
    """The two functions of a captioner.

    Args:
        network: becomes one in evaluation mode.
        places: of an image; one with fewer masks the others.

    Raises:
        ConfigError: the network does what has no translation.
    """
    flat = flat_functions(network, 1, places)
    encoding, state = ([one.name for one in arrays] for arrays in (flat.encoding, flat.state))
    following = [f"{NEXT}{name}" for name in state]
    files = {
        ENCODE: translate(
            jax.make_jaxpr(flat.encode)(*flat.inputs),
            ENCODE,
            [one.name for one in inputs_of(network.config)],
            [*encoding, *state],
            OPERATORS,
        ),
        STEP: translate(
            jax.make_jaxpr(flat.step)(*flat.leaves, flat.token),
            STEP,
            [*encoding, *state, "token"],
            ["log_probabilities", "attention", *following],
            OPERATORS,
        ),
    }
    return Functions(files, flat.encoding, flat.state, places)
