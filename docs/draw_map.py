"""Draws docs/architecture.svg from the tree: each layer and its rooms, a room above those that it imports.

Run from the checkout's root after a room was added, renamed or described otherwise: python docs/draw_map.py
"""

import ast
import textwrap
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[1]
MAP = ROOT / "docs" / "architecture.svg"
LAYERS = {
    "train": "steps to runs",
    "eval": "metrics and baselines",
    "data": "videos to batches",
    "avnet": "the library: all of the wheel",
}
TINTS = {"train": "#fdf1e3", "eval": "#f6ecf7", "data": "#e9f4ec", "avnet": "#e8f0fa"}
WIDTH, MARGIN, LABEL = 1006, 16, 118
BOX, GAP, LINE = 206, 8, 14
LETTERS = 33  # in a line of a box
FONT = "font-family='Helvetica, Arial, sans-serif'"


def rooms(layer: str) -> dict[str, str]:
    """Folders of a layer, and the first sentence of what they say of themselves."""
    found = {}
    for file in sorted((ROOT / layer).glob("*/__init__.py")):
        text = ast.get_docstring(ast.parse(file.read_text())) or ""
        found[file.parent.name] = " ".join(text.split("\n\n")[0].split()).replace("`", "").rstrip(".")
    return found


def imports(layer: str) -> dict[str, set[str]]:
    """The other rooms of its layer that each room imports."""
    names = rooms(layer).keys()
    arrows: dict[str, set[str]] = {name: set() for name in names}
    for name in names:
        for file in (ROOT / layer / name).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.ImportFrom) and node.level == 0:
                    modules = [f"{node.module}.{alias.name}" for alias in node.names]
                elif isinstance(node, ast.Import):
                    modules = [alias.name for alias in node.names]
                else:
                    continue
                parts = [module.split(".") for module in modules]
                arrows[name] |= {part[1] for part in parts if part[0] == layer and len(part) > 1 and part[1] in names}
        arrows[name].discard(name)
    return arrows


def floors(layer: str) -> list[list[str]]:
    """Rooms from those that nobody imports down to those that import nobody; rooms in a circle share a floor."""
    arrows = imports(layer)
    reach = {name: {name} for name in arrows}
    for _ in arrows:
        reach = {name: seen.union(*(arrows[other] for other in seen)) for name, seen in reach.items()}
    circles = {name: frozenset(other for other in reach[name] if name in reach[other]) for name in arrows}

    def height(circle: frozenset[str]) -> int:
        below = {circles[other] for name in circle for other in arrows[name]} - {circle}
        return 1 + max(map(height, below), default=-1)

    heights = {name: height(circles[name]) for name in arrows}
    return [[name for name in arrows if heights[name] == level] for level in range(max(heights.values()), -1, -1)]


def box(x: float, y: float, tall: float, name: str, lines: list[str]) -> list[str]:
    """One room."""
    drawn = [
        f"<rect x='{x}' y='{y}' width='{BOX}' height='{tall}' rx='5' fill='white' stroke='#7a8aa0'/>",
        f"<text x='{x + 9}' y='{y + 18}' font-size='13' font-weight='bold' fill='#1d2733'>{escape(name)}</text>",
    ]
    for i, line in enumerate(lines):
        place = f"x='{x + 9}' y='{y + 34 + i * LINE}'"
        drawn.append(f"<text {place} font-size='11' fill='#3c4a5c'>{escape(line)}</text>")
    return drawn


def draw() -> str:
    """The image, as text of an SVG."""
    across = int((WIDTH - 2 * MARGIN - LABEL) // (BOX + GAP))
    drawn, y = [], MARGIN
    for layer, purpose in LAYERS.items():
        texts = {name: textwrap.wrap(text, LETTERS) for name, text in rooms(layer).items()}
        # Only the library has so many floors that they say something.
        levels = floors(layer) if layer == "avnet" else [list(texts)]
        rows = [level[i : i + across] for level in levels for i in range(0, len(level), across)]
        top, y, body = y, y + GAP, []
        for row in rows:
            tall = 30 + LINE * max(len(texts[name]) for name in row)
            for i, name in enumerate(row):
                body += box(MARGIN + LABEL + i * (BOX + GAP), y, tall, f"{name}/", texts[name])
            y += tall + GAP
        height = y - top
        size = f"width='{WIDTH - 2 * MARGIN}' height='{height}'"
        drawn.append(f"<rect x='{MARGIN}' y='{top}' {size} rx='8' fill='{TINTS[layer]}'/>")
        drawn.append(
            f"<text x='{MARGIN + 12}' y='{top + 26}' font-size='17' font-weight='bold' fill='#1d2733'>{layer}/</text>"
        )
        for i, line in enumerate(textwrap.wrap(purpose, 16)):
            place = f"x='{MARGIN + 12}' y='{top + 44 + i * LINE}'"
            drawn.append(f"<text {place} font-size='11' fill='#3c4a5c'>{line}</text>")
        drawn += body
        if layer != "avnet":
            middle = MARGIN + LABEL / 2 - 8
            drawn.append(
                f"<path d='M{middle} {y} v20 m-5 -7 l5 7 l5 -7' fill='none' stroke='#3c4a5c' stroke-width='2'/>"
            )
            drawn.append(f"<text x='{middle + 14}' y='{y + 15}' font-size='11' fill='#3c4a5c'>imports</text>")
        y += 24
    head = f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {y}' {FONT} role='img'>"
    return "\n".join([head, "<title>Layers and rooms of avnet</title>", *drawn, "</svg>"]) + "\n"


if __name__ == "__main__":
    MAP.write_text(draw())
