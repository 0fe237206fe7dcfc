"""The suffixes by which folders are searched; what a file is, its content says."""

from collections.abc import Collection
from pathlib import PurePath

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
# What lies beside media and is none.
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


def is_data(file: PurePath) -> bool:
    """Whether a file of a folder is hidden, or text or data by its suffix."""
    return file.name.startswith(".") or file.suffix.lower() in DATA


def goes_without_saying(file: PurePath, media: Collection[PurePath], own: Collection[PurePath]) -> bool:
    """Whether a file of a folder is left out and nobody asks why.

    Args:
        file: of the folder.
        media: those of the folder, without their suffixes; a file named after one of them, such as its subtitles, is
            known by it.
        own: folders that avnet has written, as `own_folders` lists them.
    """
    if file.name.startswith("."):
        # Systems and programs keep hidden files everywhere; a hidden film may be one that somebody misses.
        return file.suffix.lower() not in VIDEOS | IMAGES | SOUNDS
    stem = file.with_suffix("")
    return is_data(file) and (stem in media or stem.with_suffix("") in media or file.parent in own)


def why_left_out(file: PurePath) -> str:
    """Why a file of a folder is not read, by its name alone."""
    suffix = file.suffix.lower()
    if file.name.startswith("."):
        return "is hidden; rename it, or name the file itself"
    if suffix in DATA:
        return f"is a file of text or data ({suffix})"
    if suffix in DOWNLOADS:
        return f"is an unfinished download ({suffix})"
    if not suffix:
        return "has no suffix that says what it is; rename it, or name the file itself"
    return f"has the suffix {suffix}, which is that of no image, sound or video that can be read"
