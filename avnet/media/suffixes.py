"""The suffixes by which folders are searched; what a file is, its content says."""

from pathlib import Path

IMAGES = frozenset({".jpg", ".jpeg", ".png", ".gif", ".webp", ".avif", ".heic", ".heif", ".bmp", ".tif", ".tiff"})
SOUNDS = frozenset(
    {
        ".wav",
        ".flac",
        ".ogg",
        ".oga",
        ".opus",
        ".mp3",
        ".mp2",
        ".m4a",
        ".m4b",
        ".mka",
        ".aac",
        ".ac3",
        ".aif",
        ".aiff",
        ".aifc",
        ".au",
        ".caf",
        ".w64",
        ".wma",
        ".wv",
        ".amr",
    }
)
VIDEOS = frozenset(
    {
        ".mp4",
        ".m4v",
        ".mkv",
        ".webm",
        ".mov",
        ".qt",
        ".ts",
        ".m2ts",
        ".mts",
        ".m2t",
        ".avi",
        ".divx",
        ".3gp",
        ".3g2",
        ".mpg",
        ".mpeg",
        ".vob",
        ".mod",
        ".tod",
        ".wmv",
        ".asf",
        ".flv",
        ".f4v",
        ".ogv",
        ".mxf",
        ".dv",
    }
)
# What lies beside media and is none: nobody asks why it is passed over.
DATA = frozenset(
    {
        ".json",
        ".jsonl",
        ".csv",
        ".tsv",
        ".txt",
        ".md",
        ".srt",
        ".vtt",
        ".ass",
        ".ssa",
        ".sub",
        ".nfo",
        ".xml",
        ".yaml",
        ".yml",
        ".toml",
        ".html",
        ".htm",
        ".pdf",
        ".log",
        ".ini",
        ".py",
        ".sh",
        ".npy",
        ".npz",
        ".sqlite",
        ".safetensors",
        ".sha256",
        ".md5",
        ".m3u",
        ".m3u8",
        ".cue",
        ".ds_store",
        ".db",
    }
)
DOWNLOADS = frozenset({".part", ".crdownload", ".download", ".tmp"})


def is_data(file: Path) -> bool:
    """Whether a file of a folder is not an input, and nobody takes it for one."""
    return file.name.startswith(".") or file.suffix.lower() in DATA


def why_left_out(file: Path) -> str:
    """Why a file of a folder is not read, by its suffix alone."""
    suffix = file.suffix.lower()
    if suffix in DOWNLOADS:
        return f"is an unfinished download ({suffix})"
    if not suffix:
        return "has no suffix that says what it is; rename it, or name the file itself"
    return f"has the suffix {suffix}, which is that of no image, sound or video that can be read"
