"""A model that is opened when the first file is embedded, since looking for changes needs its fingerprint alone."""

from pathlib import Path
from typing import TYPE_CHECKING

from avnet.apps.inputs import open_aligned_model
from avnet.files.artifact import read_header
from avnet.files.kinds import MODEL

if TYPE_CHECKING:
    from avnet.correspondence.model import Model


class ModelSource:
    """A model whose embeddings of images and sounds can be compared, or its folder."""

    def __init__(self, model: "str | Path | Model"):
        self._model = model
        self._folder = Path(model) if isinstance(model, str | Path) else None

    @property
    def fingerprint(self) -> str:
        """Of the model; a folder is not opened for it.

        Raises:
            ModelFolderError: it is not a model.
        """
        if isinstance(self._model, str | Path):
            return read_header(Path(self._model), MODEL).fingerprint
        return self._model.fingerprint

    @property
    def folder(self) -> Path | None:
        """Where it lies; None of one that was given open."""
        return self._folder

    def open(self) -> "Model":
        """The model, opened once.

        Raises:
            ModelFolderError, ConfigError: it cannot be used.
        """
        self._model = open_aligned_model(self._model)
        return self._model
