"""`python -m data inspect`: what is in a folder of records, with a contact sheet of it."""

import numpy as np
from PIL import Image, ImageDraw

from avnet.audio.pcm import EXACT
from avnet.errors import DataError
from avnet.files.whole import whole_file
from data.corpus.config import InspectConfig
from data.corpus.summary import print_summary
from data.records.pairs import square
from data.records.records import open_split, split_sizes
from data.records.segment import Segment
from data.splits import SPLITS

TILE = 128
# Of videos that look alike, listed at most.
PAIRS = 10


def inspect(config: InspectConfig) -> None:
    """Prints the tables and writes `contact_sheet.jpg` into the folder.

    Raises:
        DataError: the folder was not written by `prepare`, or is damaged.
    """
    rows = print_summary(config.data, pairs=PAIRS)
    for row in [row for row in rows if row.status == "rejected"][:20]:
        print(f"  {row.name}: {row.reason}")
    if config.tiles:
        sizes = split_sizes(config.data)
        sources = [open_split(config.data, split) for split in SPLITS if sizes.get(split)]
        if not sources:
            raise DataError(config.data, "has no records in any split")
        total = sum(map(len, sources))
        places = np.unique(np.linspace(0, total - 1, min(config.tiles, total)).round().astype(int))
        every = ((source, i) for source in sources for i in range(len(source)))
        selection = set(places.tolist())
        segments = [source[i] for place, (source, i) in enumerate(every) if place in selection]
        file = config.data / "contact_sheet.jpg"
        with whole_file(file, DataError) as temporary:
            contact_sheet(segments).save(temporary, "JPEG", quality=90)
        print(f"contact sheet: {file}")


def contact_sheet(segments: list[Segment], columns: int = 8) -> Image.Image:
    """The middle frame of each segment over the shape of its sound."""
    rows = -(-len(segments) // columns)
    sheet = Image.new("RGB", (columns * TILE, rows * (TILE + 32)), "white")
    for i, segment in enumerate(segments):
        x, y = i % columns * TILE, i // columns * (TILE + 32)
        frame = segment.image(len(segment.frames) // 2, TILE)
        sheet.paste(Image.fromarray(square(frame, TILE, 0.5)), (x, y))
        _draw_sound(ImageDraw.Draw(sheet), segment.waveform, x, y + TILE + 16)
    return sheet


def _draw_sound(draw: ImageDraw.ImageDraw, waveform: np.ndarray, x: int, middle: int) -> None:
    for column, part in enumerate(np.array_split(waveform.astype(np.int32), TILE)):
        height = int(15 * np.abs(part).max(initial=0) / EXACT)
        draw.line([(x + column, middle - height), (x + column, middle + height)], fill=(40, 90, 160))
