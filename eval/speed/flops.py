"""How much arithmetic the networks are, counted from their sizes.

Multiply-accumulates of the convolutions and dense layers, twice (a product and a sum each) for an answer, and three
times that for a training step: forward, gradients by the maps, gradients by the weights. Normalisation, pooling,
spectrogram, augmentation and optimiser are not counted, nor is it deducted that the first layers need no gradient by
their input. All contenders are given the same number, so that only their times differ.
"""

from avnet.correspondence.config import ModelConfig

KERNEL = 9  # 3 x 3


def tower_macs(channels: int, height: int, width: int, widths: tuple[int, int, int, int]) -> int:
    """Multiply-accumulates of a tower's eight convolutions for one input.

    Args:
        channels: of the input.
        height: of the input.
        width: of the input.
        widths: channels of the four stages.
    """
    total = 0
    for stage, outputs in enumerate(widths):
        # The first convolution halves and rounds up, pools between the stages halve and round down.
        height, width = ((height + 1) // 2, (width + 1) // 2) if stage == 0 else (height // 2, width // 2)
        total += height * width * KERNEL * outputs * (channels + outputs)
        channels = outputs
    return total


def pair_macs(config: ModelConfig) -> int:
    """Multiply-accumulates of AVE-Net for one image and its sound, up to the two embeddings."""
    front = config.spectrogram
    vision = tower_macs(3, config.image_size, config.image_size, config.widths)
    audio = tower_macs(1, front.bins, front.frames(config.clip_samples), config.widths)
    # Two dense layers after pooling, for image and sound alike; the distance head is too small to count.
    projection = config.widths[-1] * config.embedding_size + config.embedding_size**2
    return vision + audio + 2 * projection


def answer_flop(config: ModelConfig) -> int:
    """Floating-point operations of an answer for one pair."""
    return 2 * pair_macs(config)


def step_flop(config: ModelConfig) -> int:
    """Floating-point operations of a training step for one pair; 31e9 for AVE-Net as published."""
    return 3 * answer_flop(config)


def product_flop(side: int) -> int:
    """Floating-point operations of a product of two square matrices."""
    return 2 * side**3
