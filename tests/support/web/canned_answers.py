"""Heatmaps, verdicts and pictures that are made up, for a page whose server computes nothing."""

import base64
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

ROWS, COLUMNS = 9, 16


def blob(time_s: float, duration_s: float) -> np.ndarray:
    """Probabilities [ROWS, COLUMNS] at a time: a blob whose middle goes from the left to the right edge."""
    x = (np.arange(COLUMNS) + 0.5) / COLUMNS - time_s / duration_s
    y = (np.arange(ROWS)[:, None] + 0.5) / ROWS - 0.5
    high = 0.95 if time_s < 0.6 * duration_s else 0.3
    return high * np.exp(-(x**2 + y**2) / 0.03)


def verdict(time_s: float, grid: np.ndarray, span: float, threshold: float) -> dict[str, Any]:
    """As the server says it of a heatmap."""
    row, column = np.unravel_index(int(grid.argmax()), grid.shape)
    peak = float(grid.max())
    said = "silence" if time_s > 0.8 * span else "sounds here"
    if said != "silence" and peak < threshold:
        said = "nothing here makes this sound"
    audible = {} if said == "silence" else {"dog": 0.9, "bark": 0.6}
    place = {"x": (int(column) + 0.5) / COLUMNS, "y": (int(row) + 0.5) / ROWS}
    return {"time_s": float(time_s), "peak": peak, "verdict": said, "audible": audible} | place


def encoded(probabilities: np.ndarray) -> str:
    """Of [0, 1], bytes in base64."""
    return base64.b64encode(np.rint(255 * probabilities).astype(np.uint8).tobytes()).decode()


def picture(number: int, short_side: int) -> Image.Image:
    """A plain scene that is another for each number."""
    width, height = round(short_side * 4 / 3), short_side
    image = Image.new("RGB", (width, height), f"hsl({number * 47 % 360}, 35%, 72%)")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, height * 0.65, width, height), fill=f"hsl({number * 47 % 360 + 140}, 30%, 45%)")
    x, y, r = width * (0.2 + 0.6 * (number * 0.37 % 1)), height * 0.55, height * 0.2
    draw.ellipse((x - r, y - r, x + r, y + r), fill=f"hsl({number * 83 % 360}, 60%, 40%)")
    return image
