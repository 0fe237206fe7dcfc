"""EXIF as cameras and editors should not write it, and photos that carry it."""

import io
import struct
from pathlib import Path

import numpy as np
from PIL import Image

# Tag, type, number of values, their bytes.
Entry = tuple[int, int, int, bytes]
TURNED: Entry = (0x112, 3, 1, struct.pack("<H", 6))  # to be turned clockwise
ODD: dict[str, list[Entry]] = {
    "a negative rational over zero": [TURNED, (0x9201, 10, 1, struct.pack("<ii", -1, 0))],
    "a signed resolution": [TURNED, (0x11A, 10, 1, struct.pack("<ii", -1, 0))],
    "a resolution in letters": [TURNED, (0x11A, 2, 3, b"72\0")],
    "a resolution that is no number": [TURNED, (0x11A, 12, 1, struct.pack("<d", float("nan")))],
    "a width in letters": [TURNED, (0x100, 2, 3, b"60\0")],
    "samples as a rational": [TURNED, (0x115, 5, 1, struct.pack("<II", 1, 0))],
    "an artist that is a number": [TURNED, (0x13B, 5, 1, struct.pack("<II", 1, 2))],
    "a pointer that points nowhere": [TURNED, (0x8769, 4, 1, struct.pack("<I", 0x7FFFFFFF))],
    "a pointer to itself": [TURNED, (0x8825, 4, 1, struct.pack("<I", 8))],
    "a pointer in letters": [TURNED, (0x8769, 2, 4, b"abc\0")],
    "a type that is none": [TURNED, (0x132, 99, 1, b"abcd")],
    "a huge maker note": [TURNED, (0x927C, 7, 0x7FFFFFFF, b"abcd")],
}
UNKNOWN: dict[str, list[Entry]] = {
    "an orientation that is none": [(0x112, 3, 1, struct.pack("<H", 99))],
    "an orientation in letters": [(0x112, 2, 2, b"6\0")],
    "an orientation without a value": [(0x112, 3, 0, b"")],
}


def exif(entries: list[Entry]) -> bytes:
    """One directory, without the header that says that it is EXIF."""
    body, data, start = b"", b"", 8 + 2 + 12 * len(entries) + 4
    for tag, kind, count, value in sorted(entries):
        field = value.ljust(4, b"\0")
        if len(value) > 4:
            field = struct.pack("<I", start + len(data))
            data += value + b"\0" * (len(value) % 2)
        body += struct.pack("<HHI", tag, kind, count) + field
    return b"II" + struct.pack("<HIH", 42, 8, len(entries)) + body + struct.pack("<I", 0) + data


def photo(path: Path, tiff: bytes) -> Path:
    """60x40 with a light quarter at its upper left: a JPEG, PNG or WebP with these bytes as its EXIF."""
    pixels = np.full((40, 60, 3), 30, np.uint8)
    pixels[:20, :30] = 220
    buffer = io.BytesIO()
    if path.suffix != ".jpg":
        Image.fromarray(pixels).save(path, exif=b"Exif\0\0" + tiff)
        return path
    Image.fromarray(pixels).save(buffer, "JPEG", quality=95)
    whole, segment = buffer.getvalue(), b"Exif\0\0" + tiff
    path.write_bytes(whole[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + whole[2:])
    return path
