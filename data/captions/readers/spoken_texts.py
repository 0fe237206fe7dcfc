"""The texts of corpora of spoken descriptions as captions; the recordings need not be there."""

from pathlib import Path

from data.captions.readers.row import Row
from data.spoken.readers.texts import rows_with_texts


def spoken_rows(source: Path, images: Path | None, language: str) -> list[Row]:
    """The rows of a corpus that `data.spoken.readers.source` knows.

    Args:
        source: file or folder.
        images: where the images lie, for kinds that do not name their files themselves.
        language: of stamps.

    Raises:
        DataError, ConfigError: it is none.
    """
    rows = rows_with_texts(source, language=language, images=images)
    return [Row(row.place, row.image, text, row.split, str(row.recording), row.reason) for row, text in rows]
