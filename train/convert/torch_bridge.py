"""`python -m train from-torch|to-torch`: AVE-Net, AVOL-Net and L3-Net from state dicts of PyTorch, and to them."""

from avnet.correspondence.model import Model
from avnet.correspondence.state_dict import from_state_dict, to_state_dict
from avnet.program.output import check_writable
from train.convert.config import FromTorchConfig, ToTorchConfig
from train.convert.torch_file import SUFFIXES, read_state_dict, write_state_dict
from train.correspondence.card import imported_card


def from_torch(config: FromTorchConfig) -> str:
    """Runs the whole command.

    Returns:
        The fingerprint of the model.

    Raises:
        ConfigError: PyTorch is missing, or no preset is given and none has such widths.
        DataError: the file is damaged or holds other things than arrays.
        ModelFolderError: the arrays are not those of the network, or the folder cannot be written.
    """
    arrays = read_state_dict(config.checkpoint)
    network = from_state_dict(config.network, arrays, config.preset, config.checkpoint)
    model = network.config
    fingerprint = Model(model, network).save(config.out, imported_card(model, config.checkpoint))
    sizes = f"{model.image_size} pixels, widths {', '.join(map(str, model.widths))}, embedding {model.embedding_size}"
    print(f"model: {config.out} ({model.title}, {sizes}, {fingerprint[:12]})")
    return fingerprint


def to_torch(config: ToTorchConfig) -> None:
    """Runs the whole command.

    Raises:
        ConfigError: the file's name or place will not do, or PyTorch is missing.
        DataError: the file cannot be written.
        ModelFolderError: the model cannot be read.
    """
    # First, so that a wrong name is refused before the model is read.
    check_writable(config.out, *SUFFIXES)
    model = Model.load(config.model)
    arrays = to_state_dict(model.network)
    write_state_dict(config.out, arrays)
    print(f"state dict: {config.out} ({model.config.title}, {len(arrays)} arrays, of model {model.fingerprint[:12]})")
