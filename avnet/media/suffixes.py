"""The suffixes by which folders are searched; what a file is, its content says."""

IMAGES = frozenset({".jpg", ".jpeg", ".png"})
SOUNDS = frozenset({".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".m4a"})
VIDEOS = frozenset({".mp4", ".m4v", ".mkv", ".webm", ".mov", ".ts", ".m2ts", ".mts", ".avi", ".3gp"})
