"""Networks with random arrays made by NumPy: JAX would compile its random numbers for seconds, array by array."""

from dataclasses import replace
from typing import Any

import jax
import numpy as np
from flax import nnx

from avnet.backbones.audio.backbone import AudioBackbone
from avnet.backbones.audio.config import AudioBackboneConfig, AudioBackboneName
from avnet.backbones.audio.network import abstract_audio
from avnet.backbones.backbone import Backbone
from avnet.backbones.config import BackboneConfig
from avnet.backbones.network import abstract
from avnet.captioners.features import Regions
from avnet.correspondence.network import build
from avnet.describer.show_and_speak.config import ShowAndSpeakConfig
from avnet.describer.show_and_speak.network import ShowAndSpeak
from avnet.nn.abstract import abstract_network
from avnet.synthesizers.tacotron2.config import Tacotron2Config
from avnet.synthesizers.tacotron2.network import Tacotron2
from avnet.synthesizers.waveglow.network import WaveGlowNetwork
from avnet.tagger.network import TaggerConfig, TaggerNetwork
from avnet.tagger.tagger import Tagger
from avnet.tagger.vocabulary import Vocabulary


def random_network(config, seed=0):
    """A network in training mode whose every array is random, biases and running statistics too."""
    return randomize(abstract_network(lambda rngs: build(config, rngs=rngs)), seed)


def random_backbone(network, image_size=224, widths=None, seed=0):
    """A backbone whose every array is random."""
    config = small_config(network, image_size) if widths is None else BackboneConfig.tower(image_size, widths)
    return Backbone(config, randomize(abstract(config), seed))


def small_config(network, image_size=224):
    """The preset of a network; a vision transformer has two small blocks."""
    config = BackboneConfig.preset(network, image_size)
    if config.vit is None:
        return config
    small = {"width": 32, "depth": 2, "heads": 4, "hidden": 64, "projection": config.vit.projection and 24}
    return replace(config, vit=replace(config.vit, **small))


def random_ast_backbone(network: AudioBackboneName = "ast", frames=96, classes=0, seed=0):
    """A transformer over spectrograms of two small blocks, whose every array is random."""
    config = AudioBackboneConfig.preset(network)
    assert config.ast is not None
    sizes = replace(config.ast, frames=frames, width=32, depth=2, heads=4, hidden=64)
    config = replace(config, ast=sizes, classes=classes)
    return AudioBackbone(config, randomize(abstract_audio(config), seed))


def random_audio_backbone(classes=521, seed=0):
    """YAMNet, whose every array is random."""
    config = AudioBackboneConfig.yamnet(classes)
    return AudioBackbone(config, randomize(abstract_audio(config), seed))


def random_tagger(words=("dog", "grass", "snow"), regions: Regions = "grid", seed=0):
    """A tagger whose every array is random, on a tower of four cells."""
    backbone = random_backbone("tower", 32, (4, 4, 6, 8))
    config = TaggerConfig(backbone.features, len(words), regions)
    network = randomize(abstract_network(lambda rngs: TaggerNetwork(config, rngs=rngs)), seed)
    return Tagger(network, backbone, Vocabulary.uncalibrated(words), validation={"average_precision": 0.5})


def random_tacotron2(seed=0):
    """A Tacotron 2 of two frames a step and two speakers, in use, whose every array is random.

    No two sizes are equal; the prenet alone drops.
    """
    sizes = {"width": 8, "convolutions": 1, "prenet": 6, "attention_hidden": 9, "decoder_hidden": 10, "attention": 5}
    sizes |= {"location_filters": 3, "location_kernel": 7, "postnet": 11, "postnet_convolutions": 2, "speaker_width": 4}
    config = Tacotron2Config(7, frames_per_step=2, speakers=2, dropout=0.0, lstm_dropout=0.0, **sizes)
    network = randomize(abstract_network(lambda rngs: Tacotron2(config, rngs=rngs)), seed)
    network.eval()
    return network


def random_waveglow(config, seed=0):
    """A WaveGlow whose every array is random, the last layers too: with zeros there couplings would do nothing.

    Its matrices are rotations that stretch a little, since the inverse of any matrix may be as large as it likes.
    """
    network = randomize(abstract_network(lambda rngs: WaveGlowNetwork(config, rngs=rngs)), seed)
    random = np.random.default_rng(seed + 1)
    network.standard.measure(random.normal(-4, 2, (50, 80)).astype(np.float32))
    for mixer in network.mixers:
        rotation = np.linalg.qr(random.normal(size=mixer.kernel.shape))[0]
        mixer.kernel = nnx.Param(
            jax.device_put((rotation * random.uniform(0.5, 2.0, len(rotation))).astype(np.float32))
        )
    return network


def random_show_and_speak(image_features=8, seed=0, **changes):
    """A Show and Speak of two frames a step and at most 20 frames, in use, whose every array is random.

    No two sizes are equal; places drop nothing, the prenet alone does.
    """
    sizes: dict[str, Any] = {"width": 6, "prenet": 7, "attention_hidden": 9, "decoder_hidden": 10, "attention": 5}
    sizes |= {"location_filters": 3, "location_kernel": 7, "postnet": 11, "postnet_convolutions": 2}
    sizes |= {"boxes": 4, "hidden": 12, "match": 13, "steps": 10, "frames_per_step": 2}
    sizes |= {"dropout": 0.0, "lstm_dropout": 0.0, "image_dropout": 0.0}
    config = ShowAndSpeakConfig(image_features, **(sizes | changes))
    network = randomize(abstract_network(lambda rngs: ShowAndSpeak(config, rngs=rngs)), seed)
    network.eval()
    return network


def randomize(network, seed=0):
    """A network of the same shapes whose every array is random."""
    random = np.random.default_rng(seed)
    graph, state = nnx.split(network)
    leaves = dict(nnx.to_flat_state(state))
    values = [np.asarray(_value(str(key[-1]), leaf.shape, random), np.float32) for key, leaf in leaves.items()]
    for (key, leaf), value in zip(leaves.items(), jax.device_put(values), strict=True):
        leaves[key] = leaf.replace(value)
    return nnx.merge(graph, nnx.from_flat_state(leaves.items()))


def _value(name, shape, random):
    if name == "kernel":
        return random.normal(scale=np.sqrt(2 / np.prod(shape[:-1])), size=shape)
    if name == "var":
        return random.uniform(0.5, 2.0, shape)
    return float(name == "scale") + 0.2 * random.normal(size=shape)
