"""`python -m train ast`: the published weights of a transformer over spectrograms become an audio backbone."""

from avnet.backbones.audio.ast_weights import config_of, from_state_dict
from avnet.backbones.audio.backbone import AudioBackbone
from avnet.files.artifact import sha256_of
from train.convert.config import AstConversionConfig
from train.convert.torch_file import read_state_dict

CARD = """# {network}

A transformer of {depth} blocks and {width} channels over Kaldi's log-mel spectrogram of 128 bands: {width} features for
{patch_s:g} s of sound, one every {hop_s:g} s{classes}.

* **Origin**: {origin}.
* **Converted from**: `{name}`, SHA-256 `{sha256}`.
* **Limits**: it was trained on ten seconds at a time, and knows less of shorter sounds; its labels are those of YouTube
  videos. What else was done to the weights the file does not say; ask where it came from.
"""
ORIGINS = {
    "ast": "AST (Gong et al., 2021), trained on AudioSet; BSD 3-Clause License",
    "cav-mae": "the branch for sounds of CAV-MAE (Gong et al., 2022), trained on AudioSet; BSD 2-Clause License",
}


def ast(config: AstConversionConfig) -> str:
    """Runs the whole command.

    Returns:
        The fingerprint of the backbone.

    Raises:
        ConfigError: PyTorch is missing.
        DataError: the file is damaged or holds other things than arrays.
        ModelFolderError: the arrays are of no network that is known, or the folder cannot be written.
    """
    file = config.weights
    arrays = read_state_dict(file)
    sizes = config_of(
        arrays,
        config.frames,
        classifier=config.classifier,
        heads=config.heads,
        trained_frames=config.trained_frames,
        source=file,
    )
    backbone = AudioBackbone(sizes, from_state_dict(sizes, arrays, file))
    assert sizes.ast is not None
    card = CARD.format(
        network=sizes.network,
        depth=sizes.ast.depth,
        width=sizes.ast.width,
        patch_s=backbone.patch_samples / backbone.sample_rate,
        hop_s=backbone.hop_samples / backbone.sample_rate,
        classes=f", and the scores of AudioSet's {sizes.classes} classes" if sizes.classes else "",
        origin=ORIGINS[sizes.network],
        name=file.name,
        sha256=sha256_of(file),
    )
    fingerprint = backbone.save(config.out, card)
    print(f"weights: {file}")
    print(f"audio backbone: {config.out} ({sizes.network}, {sizes.classes or 'no'} classes, {fingerprint[:12]})")
    return fingerprint
