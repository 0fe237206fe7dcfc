"""The loss of a Show and Speak, as pure functions; each returns one value for each example.

Frames and steps that do not exist change nothing. In the published code padding is compared too, and the network stops
where the first frame of a step is past the end: here at the step with the last one.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from avnet.describer.show_and_speak.network import Told
from train.tacotron2.objective import mel_loss, steps_of, stop_loss

# What spectra are multiplied with before they are compared, and the weight of images and speech belonging together.
PENALTY, MATCH_WEIGHT = 10.0, 0.5
# The score of what is no wrong answer. Finite, so that its gradient is 0.
NOTHING = -1e30


def losses_of(
    told: Told,
    frames: Float[Array, "batch frames 80"],
    frame_mask: Bool[Array, "batch frames"],
    images: Int[Array, " batch"],
) -> dict[str, Float[Array, " batch"]]:
    """What is minimized, "loss", and what it is the sum of: 100 before + 100 after + stop + match / 2.

    Args:
        told: what the network says, told the true frames.
        frames: normalized log-mel.
        frame_mask: frames that exist; whole steps have as many as `frames`.
        images: numbers of the images that they are said of.

    Reference: Wang et al., 2021, section 2.3, and its code.
    """
    said = told.said
    step_mask = steps_of(frame_mask, frames.shape[1] // said.stop.shape[1])
    parts = {
        "before": mel_loss(said.before, frames, frame_mask),
        "after": mel_loss(said.after, frames, frame_mask),
        "stop": stop_loss(said.stop, step_mask, weight=1.0),
        "match": match_loss(told.image, told.speech, images),
    }
    spectra = PENALTY**2 * (parts["before"] + parts["after"])
    return {"loss": spectra + parts["stop"] + MATCH_WEIGHT * parts["match"], **parts}


def match_loss(
    image: Float[Array, "batch width"], speech: Float[Array, "batch width"], images: Int[Array, " batch"]
) -> Float[Array, " batch"]:
    """Cross-entropy of which speech of a batch is of an image, plus that of which image some speech is of.

    Other speech of the same image is no wrong answer; the published code draws every image once.

    Args:
        image: vectors.
        speech: vectors, in the same order.
        images: numbers of the images.
    """
    other = (images[:, None] == images) & ~jnp.eye(len(images), dtype=bool)
    scores = jnp.where(other, NOTHING, image @ speech.T)
    of_speech, of_images = (jnp.diagonal(jax.nn.log_softmax(scores, axis=axis)) for axis in (1, 0))
    return -of_speech - of_images
