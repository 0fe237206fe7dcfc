"""What a file may be served as: by its own first bytes, never by its name or by what somebody said of it."""

from pathlib import Path

OTHER = "application/octet-stream"
# Nothing here is a type in which a browser runs anything.
_IMAGES = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
)
_STREAMS = (
    (b"OggS", "ogg"),
    (b"\x1aE\xdf\xa3", "webm"),
    (b"fLaC", "flac"),
    (b"ID3", "mpeg"),
    (b"\xff\xfb", "mpeg"),
    (b"\xff\xf3", "mpeg"),
    (b"\xff\xf1", "aac"),
    (b"\xff\xf9", "aac"),
)


def content_type(path: Path, kind: str) -> str:
    """The type of a file that was found to be media.

    Args:
        path: of the file.
        kind: 'image', 'video' or 'sound', as it was found to be.
    """
    with path.open("rb") as file:
        head = file.read(16)
    if kind == "image":
        if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
            return "image/webp"
        if head[4:8] == b"ftyp":
            return "image/avif" if head[8:11] == b"avi" else "image/heic"
        return next((name for start, name in _IMAGES if head.startswith(start)), OTHER)
    if head.startswith(b"GIF8"):  # one that moves is a video, and browsers show it as an image
        return "image/gif"
    group = "video" if kind == "video" else "audio"
    if head[4:8] == b"ftyp":
        return f"{group}/mp4"
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "audio/wav"
    return next((f"{group}/{name}" for start, name in _STREAMS if head.startswith(start)), OTHER)
