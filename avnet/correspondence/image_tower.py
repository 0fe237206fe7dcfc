"""The image tower of a model, for networks that are built on it."""

from pathlib import Path

from avnet.backbones.backbone import Backbone
from avnet.correspondence.model import Model
from avnet.errors import ConfigError, ModelFolderError
from avnet.files.artifact import read_header
from avnet.files.kinds import BACKBONE, MODEL
from avnet.zoo.reference import locate


def open_backbone(path: str | Path) -> Backbone:
    """Opens a backbone, or the image tower of a model.

    Raises:
        ModelFolderError: it is neither, of an earlier or newer avnet, or damaged, or its tower is no
            backbone.
    """
    header = read_header(locate(path).folder, BACKBONE, MODEL)
    if header.kind is BACKBONE:
        return Backbone.load(header.folder)
    try:
        return Model.load(header.folder).image_backbone
    except ConfigError as error:
        raise ModelFolderError(header.folder, f"has an image tower that cannot be used alone ({error})") from None
