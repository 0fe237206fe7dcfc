"""3x3 convolution by Winograd's minimal filtering F(2x2, 3x3): 16 products for what takes 36.

Reference: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016, sections 4.1 and 4.3. A tile
of 2x2 outputs sees 4x4 inputs d. With g the kernel, Y = A^T [(G g G^T) * (B^T d B)] A: transforms that only add and
halve, and between them one matrix product over channels for each of 16 places. By the kernel, the gradient of that is
G^T [(B^T d B) * (A dY A^T)] G, with as few products again.

The transforms read and write more than they compute, so that images are taken a few at a time: what is between two
transforms then stays in the cache.
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

# Bytes between two transforms that are worked on at once. From 10 to 26 MB made a tenth of difference, all images at
# once took up to twice as long (caches of 1 MB a core and of 32 MB).
BLOCK = 26_000_000
# One array of [tiles, channels] for each of 4 x 4 places. Stacked, with a batched product for each row, they compile in
# two thirds of the time, and take 4 to 9 % longer.
Grid = list[list[Array]]


def convolve(
    inputs: Float[Array, "batch height width in_channel"], kernel: Float[Array, "3 3 in_channel out_channel"]
) -> Float[Array, "batch height width out_channel"]:
    """3x3 convolution with stride 1 and padding SAME.

    Rounding differs from a sum of nine products: by some 1e-6 of the greatest output in float32.
    """
    return _filter(inputs, _both(_of_kernel, [list(row) for row in kernel]))


def inputs_gradient(
    gradient: Float[Array, "batch height width out_channel"], kernel: Float[Array, "3 3 in_channel out_channel"]
) -> Float[Array, "batch height width in_channel"]:
    """The gradient of `convolve` by its inputs: the convolution with the kernel turned by half a turn.

    G of reversed rows is G with its outer rows exchanged, so that these are the weights of `convolve` in another order.

    Args:
        gradient: of the loss by the outputs.
        kernel: of the convolution.
    """
    weights = _both(_of_kernel, [list(row) for row in kernel])
    order = (3, 1, 2, 0)
    return _filter(gradient, [[weights[row][column].T for column in order] for row in order])


def kernel_gradient(
    inputs: Float[Array, "batch height width in_channel"], gradient: Float[Array, "batch height width out_channel"]
) -> Float[Array, "3 3 in_channel out_channel"]:
    """The gradient of `convolve` by its kernel.

    Args:
        inputs: of the convolution.
        gradient: of the loss by its outputs.
    """

    def add(total: Grid, pair: tuple[Array, Array]) -> tuple[Grid, None]:
        rows = zip(total, _of_inputs(pair[0]), _of_gradient(pair[1]), strict=True)
        return [[sums + tiles.T @ slopes for sums, tiles, slopes in zip(*row, strict=True)] for row in rows], None

    total = [[jnp.zeros((inputs.shape[3], gradient.shape[3]))] * 4] * 4
    number = _images(inputs, gradient.shape[3])
    total, _ = jax.lax.scan(add, total, (_in_blocks(inputs, number), _in_blocks(gradient, number)))
    return jnp.stack([jnp.stack(row) for row in _both(_to_kernel, total)])


def _filter(inputs: Array, weights: Grid) -> Array:
    def block(images: Array) -> Array:
        pairs = [zip(*rows, strict=True) for rows in zip(_of_inputs(images), weights, strict=True)]
        products = [[tiles @ weight for tiles, weight in row] for row in pairs]
        return _place(_both(_to_outputs, products), images.shape[:3])

    into, out = weights[0][0].shape
    blocks = _in_blocks(inputs, _images(inputs, out))
    if into == out:
        # A block takes the place of what it was made from: no new memory to clear, 3 to 7 % of inference.
        outputs = jax.lax.fori_loop(0, len(blocks), lambda i, images: images.at[i].set(block(images[i])), blocks)
    else:
        outputs = jax.lax.map(block, blocks)
    return outputs.reshape(*inputs.shape[:3], out)


def _of_kernel(g: Sequence[Array]) -> list[Array]:
    """G g."""
    return [g[0], 0.5 * (g[0] + g[1] + g[2]), 0.5 * (g[0] - g[1] + g[2]), g[2]]


def _to_kernel(u: Sequence[Array]) -> list[Array]:
    """G^T u."""
    return [u[0] + 0.5 * (u[1] + u[2]), 0.5 * (u[1] - u[2]), 0.5 * (u[1] + u[2]) + u[3]]


def _of_tile(d: Sequence[Array]) -> list[Array]:
    """B^T d."""
    return [d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]]


def _to_outputs(m: Sequence[Array]) -> list[Array]:
    """A^T m."""
    return [m[0] + m[1] + m[2], m[1] - m[2] - m[3]]


def _of_outputs(y: Sequence[Array]) -> list[Array]:
    """A y."""
    return [y[0], y[0] + y[1], y[0] - y[1], -y[1]]


def _both(transform: Callable[[Sequence[Array]], list[Array]], grid: Sequence[Sequence[Array]]) -> Grid:
    """The transform over the rows of a grid, then over its columns: T x T^T."""
    columns = [transform(column) for column in zip(*grid, strict=True)]
    return [transform(row) for row in zip(*columns, strict=True)]


def _of_inputs(images: Array) -> Grid:
    """B^T d B of every tile."""
    rows, columns = _tiles(images)
    height, width = images.shape[1:3]
    images = jnp.pad(images, ((0, 0), (1, 2 * rows - height + 1), (1, 2 * columns - width + 1), (0, 0)))
    grid = []
    for strip in _of_tile([images[:, place : place + 2 * rows - 1 : 2] for place in range(4)]):
        tiles = _of_tile([strip[:, :, place : place + 2 * columns - 1 : 2] for place in range(4)])
        grid.append([_flat(tile) for tile in tiles])
    return grid


def _of_gradient(gradient: Array) -> Grid:
    """A dY A^T of every tile."""
    rows, columns = _tiles(gradient)
    height, width = gradient.shape[1:3]
    gradient = jnp.pad(gradient, ((0, 0), (0, 2 * rows - height), (0, 2 * columns - width), (0, 0)))
    strips = _of_outputs([gradient[:, place::2] for place in range(2)])
    return [[_flat(tile) for tile in _of_outputs([strip[:, :, place::2] for place in range(2)])] for strip in strips]


def _place(outputs: Grid, shape: tuple[int, ...]) -> Array:
    """Images of the outputs, which are parted by their place in a tile."""
    images, height, width = shape
    rows, columns = -(-height // 2), -(-width // 2)
    tiles = [jnp.stack([place.reshape(images, rows, columns, -1) for place in row], 3) for row in outputs]
    return jnp.stack(tiles, 2).reshape(images, 2 * rows, 2 * columns, -1)[:, :height, :width]


def _tiles(images: Array) -> tuple[int, int]:
    return -(-images.shape[1] // 2), -(-images.shape[2] // 2)


def _flat(tiles: Array) -> Array:
    return tiles.reshape(-1, tiles.shape[3])


def _images(inputs: Array, outputs: int) -> int:
    """How many to take at once, a divisor of the batch."""
    rows, columns = _tiles(inputs)
    most = max(1, BLOCK // (16 * 4 * rows * columns * (inputs.shape[3] + outputs)))
    return max(divisor for divisor in range(1, min(most, len(inputs)) + 1) if len(inputs) % divisor == 0)


def _in_blocks(images: Array, number: int) -> Array:
    return images.reshape(-1, number, *images.shape[1:])
