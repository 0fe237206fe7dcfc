"""A network's functions as ONNX graphs: the registry of them.

By hand, since the one converter that is kept up, jax2onnx (0.17), does not take the spectrogram with an open batch.
"""

from collections.abc import Callable, Mapping

from avnet.correspondence.kinds import NetworkName
from avnet.correspondence.network import Network
from avnet.export.onnx_format import named, papers
from avnet.export.onnx_format.backbones import sound_features
from avnet.export.onnx_format.graph import Graph
from avnet.export.signature import Signature

# Adds a function to a graph: the network and the names of the inputs to the name of the output.
Writer = Callable[..., str]


def onnx_graphs(network: Network, signatures: Mapping[str, Signature]) -> dict[str, bytes]:
    """The files by name, for any batch.

    Args:
        network: whose running statistics are used, whatever its mode.
        signatures: of the functions.
    """
    files = {}
    for name, signature in signatures.items():
        graph = Graph()
        value = WRITERS[network.config.network][name](graph, network, *(tensor.name for tensor in signature.inputs))
        files[name] = graph.to_bytes(name, signature, value)
    return files


# The functions of each network by the names of its signatures.
WRITERS: dict[NetworkName, dict[str, Writer]] = {
    "ave": {"image_encoder": papers.ave_image, "sound_encoder": papers.ave_sound, "scorer": papers.ave_score},
    "avol": {
        "image_encoder": papers.avol_image,
        "sound_encoder": papers.avol_sound,
        "scorer": papers.avol_score,
        "heatmap": papers.avol_heatmap,
    },
    "l3": {"image_encoder": papers.l3_image, "sound_encoder": sound_features, "scorer": papers.l3_score},
    "joint": {
        "image_encoder": named.joint_image,
        "sound_encoder": named.joint_sound,
        "scorer": papers.ave_score,
        "cell_encoder": named.joint_cells,
        "source_encoder": named.joint_source,
        "heatmap": named.joint_heatmap,
    },
    "zero-shot": {
        "image_encoder": named.zero_shot_image,
        "sound_encoder": named.zero_shot_sound,
        "scorer": named.zero_shot_score,
        "heatmap": named.zero_shot_heatmap,
    },
}
