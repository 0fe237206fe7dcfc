"""Names of the contenders, under which tables, files and targets speak of them."""

OURS, TORCH = "avnet", "PyTorch"
JAX_PRODUCT, TORCH_PRODUCT = "matrix product, JAX", "matrix product, PyTorch"
LOOP, STEP_ALONE, PIPELINE = "whole loop", "step alone", "records to batches"
HELP, FIRST_ANSWER, SEARCH, SEARCH_WITH_CACHE = (
    "avnet --help",
    "load a model, first answer",
    "avnet search",
    "avnet search, JAX's cache on disk",
)
FIRST_OVERLAY = "avnet, first time"
SIDE = "side index, one query"
OURS_IMAGES, ONNX_IMAGES = "avnet, images", "ONNX Runtime, images"
OURS_SOUNDS, ONNX_SOUNDS = "avnet, sounds", "ONNX Runtime, sounds"
# By part, which two are set in relation: the rate of the first over that of the second.
RATIOS = {
    "step": (OURS, TORCH),
    "inference": (OURS, TORCH),
    "spectrogram": (OURS, TORCH),
    "backbones": (OURS_IMAGES, ONNX_IMAGES),
    "loop": (LOOP, STEP_ALONE),
    "describe": (OURS, TORCH),
}


def single(rows: int) -> str:
    """Exact search of so many rows, query by query."""
    return f"{rows:,} rows, one query"


def many(rows: int) -> str:
    """Exact search of so many rows, many queries at once."""
    return f"{rows:,} rows, queries at once"
