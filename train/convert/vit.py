"""`python -m train vit`: the published weights of a vision transformer become a backbone folder."""

from avnet.backbones.backbone import Backbone
from avnet.backbones.image.vit_weights import config_of, from_state_dict
from avnet.files.artifact import sha256_of
from train.convert.config import VitConversionConfig
from train.convert.torch_file import read_state_dict

CARD = """# {network}

A vision transformer of {depth} blocks and {width} channels, with {features} features for every {patch} pixels.

* **Origin**: {origin}.
* **Converted from**: `{name}`, SHA-256 `{sha256}`.
* **Limits**: those of its training, of which the file says nothing; ask where it came from.
"""
ORIGINS = {
    "dinov2": "DINOv2 (Oquab et al., 2023; Meta, code and weights Apache License 2.0)",
    "clip": "CLIP (Radford et al., 2021; OpenAI's weights are under the MIT License, others under their own)",
    "mae": "MAE (He et al., 2021; Meta's weights are under CC BY-NC 4.0: not for commercial use)",
}


def vit(config: VitConversionConfig) -> str:
    """Runs the whole command.

    Returns:
        The fingerprint of the backbone.

    Raises:
        ConfigError: PyTorch is missing, or the size is beyond its bounds.
        DataError: the file is damaged or holds other things than arrays.
        ModelFolderError: the arrays are of no network that is known, or the folder cannot be written.
    """
    file = config.weights
    arrays = read_state_dict(file)
    quick_gelu = None if config.activation is None else config.activation == "quick-gelu"
    sizes = config_of(arrays, config.image_size, heads=config.heads, quick_gelu=quick_gelu, source=file)
    backbone = Backbone(sizes, from_state_dict(sizes, arrays, file))
    assert sizes.vit is not None
    card = CARD.format(
        network=sizes.network,
        depth=sizes.vit.depth,
        width=sizes.vit.width,
        features=backbone.features,
        patch=sizes.vit.patch_size,
        origin=ORIGINS[sizes.network],
        name=file.name,
        sha256=sha256_of(file),
    )
    fingerprint = backbone.save(config.out, card)
    print(f"weights: {file}")
    print(
        f"backbone: {config.out} ({sizes.network}, {backbone.cells}x{backbone.cells} cells of {backbone.features} "
        f"features, {fingerprint[:12]})"
    )
    return fingerprint
