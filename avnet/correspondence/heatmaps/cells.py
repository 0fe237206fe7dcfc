"""What one pass over images gives for heatmaps with any sounds, and what is made of it with some.

Behind what is compared with sounds lies the energy of the image tower in each cell, so that one pass gives both.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, UInt8

from avnet.correspondence.network import Localizer, NamedLocalizer


def encode_cells(
    network: Localizer, images: UInt8[Array, "batch height width channels"]
) -> Float[Array, "batch rows columns parts"]:
    """What is compared with sounds of each cell, and as the last part the mean magnitude of the tower's features."""
    grids = network.image_grids(images.astype(jnp.float32) / 255.0)
    return jnp.concatenate([network.project_cells(grids), jnp.abs(grids).mean(axis=-1, keepdims=True)], axis=-1)


def heatmaps_of(
    network: Localizer, cells: Float[Array, "batch rows columns parts"], sources: Float[Array, "batch source"]
) -> Float[Array, "batch rows columns 2"]:
    """The heatmap of image i with sound i, and the energy of the image."""
    return jnp.stack([jax.nn.sigmoid(network.response(cells[..., :-1], sources)), cells[..., -1]], axis=-1)


def class_heatmaps_of(
    network: NamedLocalizer, cells: Float[Array, "batch rows columns parts"], sources: Float[Array, "batch source"]
) -> Float[Array, "batch rows columns maps"]:
    """As `heatmaps_of`; between both lies the heatmap of each group of classes."""
    both, groups = heatmaps_of(network, cells, sources), network.group_response(cells[..., :-1], sources)
    return jnp.concatenate([both[..., :1], jax.nn.sigmoid(groups), both[..., 1:]], axis=-1)
