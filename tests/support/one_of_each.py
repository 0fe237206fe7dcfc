"""One of each kind of folder, small and of random arrays."""

import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from flax import nnx
from random_networks import (
    random_audio_backbone,
    random_backbone,
    random_network,
    random_show_and_speak,
    random_tacotron2,
    random_tagger,
    random_waveglow,
    randomize,
)

from avnet.audio.config import SpectrogramConfig
from avnet.audio.recordings import Recordings
from avnet.backbones.backbone import Backbone
from avnet.captioners.captioner import build_captioner
from avnet.captioners.config import CaptionerConfig
from avnet.captioners.guards import Guards
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.model import Model
from avnet.describer.caption_memory import CaptionMemory
from avnet.describer.familiarity import Familiarity
from avnet.describer.folder import DescriberParts, RetrievalMemory, write_describer
from avnet.describer.show_and_speak.describer import DirectDescriber
from avnet.describer.text_folder import TextParts, write_text_describer
from avnet.export.captioner.folder import write_captioner
from avnet.export.captioner.functions import Functions
from avnet.export.captioner.parts import CaptionerParts
from avnet.export.folder import write
from avnet.files.artifact import read_header
from avnet.files.kinds import EXPORT, EXPORTED_CAPTIONER, INDEX
from avnet.index.entry import Entry
from avnet.index.index import Index
from avnet.nn.abstract import abstract_network
from avnet.speech_space.network import SpaceConfig, SpaceNetwork
from avnet.speech_space.space import SpeechSpace
from avnet.speech_space.tower import SpeechTowerConfig
from avnet.synthesizers.cluster_gen.clusters import Clusters
from avnet.synthesizers.cluster_gen.forest import Forest
from avnet.synthesizers.cluster_gen.voice import ClusterVoice
from avnet.synthesizers.frame_model.config import FrameModelConfig
from avnet.synthesizers.frame_model.network import FrameModel
from avnet.synthesizers.frame_model.voice import FrameVoice
from avnet.synthesizers.mel.acoustics import UnitAcoustics
from avnet.synthesizers.selection.folder import write_voice
from avnet.synthesizers.tacotron2.voice import TacotronVoice
from avnet.synthesizers.vocos import Vocos, VocosConfig
from avnet.synthesizers.waveglow.config import WaveGlowConfig
from avnet.synthesizers.waveglow.vocoder import WaveGlow
from avnet.units.kmeans import KMeansUnits
from avnet.units.lexicon import LexicalUnits
from avnet.units.pieces import Pieces
from avnet.units.strings import Strings, UnitString
from avnet.units.wavenet_vq.config import FrameDecoderConfig, WaveNetVQConfig
from avnet.units.wavenet_vq.network import WaveNetVQ
from avnet.units.wavenet_vq.units import WaveNetVQUnits

FRONT = SpectrogramConfig(sample_rate=8_000, win_length=256, hop_length=128, n_fft=256, n_mels=16, f_max=4_000.0)
SIZES = ModelConfig(image_size=32, widths=(4, 4, 6, 8), embedding_size=8, spectrogram=FRONT)


def tower() -> Backbone:
    return random_backbone("tower", 32, SIZES.widths)


def units() -> KMeansUnits:
    centroids = np.random.default_rng(0).normal(size=(8, 39)).astype(np.float32)
    return KMeansUnits(centroids, np.zeros(39, np.float32), np.ones(39, np.float32), 2.0)


PIECES = Pieces([[0], [1], [2], [3], [4], [5], [6], [7], [0, 1]])


def lexicon() -> LexicalUnits:
    return LexicalUnits(units(), PIECES, np.arange(9, dtype=np.float32))


def space() -> SpeechSpace:
    speech = SpeechTowerConfig(widths=(4, 8), blocks=1, kernel=3, quantized_stages=(1,), codes=8)
    config = SpaceConfig(image_features=8, embedding_size=8, tower=speech)
    network = randomize(nnx.eval_shape(lambda: SpaceNetwork(config, rngs=nnx.Rngs(0))))
    return SpeechSpace(network, tower(), validation={"recall@10": 0.5})


def wavenet_vq() -> WaveNetVQUnits:
    sizes = FrameDecoderConfig(width=8, convolutions=1, kernel=3)
    config = WaveNetVQConfig(codes=8, width=8, features=4, decoder=sizes)
    return WaveNetVQUnits(randomize(abstract_network(lambda rngs: WaveNetVQ(config, rngs=rngs))), 0.5)


def vocoder() -> Vocos:
    config = VocosConfig(units=8, width=8, blocks=1, n_fft=640, duration_width=8)
    return randomize(nnx.eval_shape(lambda: Vocos(config, rngs=nnx.Rngs(0))))


def frame_voice() -> FrameVoice:
    config = FrameModelConfig(units=8, width=8, unit_blocks=1, frame_blocks=1, duration_width=8)
    return FrameVoice(randomize(nnx.eval_shape(lambda: FrameModel(config, rngs=nnx.Rngs(0)))))


def waveglow() -> WaveGlow:
    return WaveGlow(random_waveglow(WaveGlowConfig(16, 2, 1, 4, width=4, layers=1, upsampling_kernel=0)))


def cluster_voice() -> ClusterVoice:
    """One tree a unit, of one question for unit 0 and none for others; 6 has no voice, and 7 was never heard."""
    rng = np.random.default_rng(0)

    def forest(columns: int, heard: int) -> Forest:
        roots = np.where(np.arange(8) < heard, np.arange(8) + 2 * (np.arange(8) > 0), -1)[None].astype(np.int32)
        feature = np.full(heard + 2, -1, np.int16)
        feature[0], threshold = 30, np.zeros(heard + 2, np.float32)
        children = np.stack([np.arange(-1, heard + 1), np.zeros(heard + 2, int)], axis=1).astype(np.int32)
        children[0], threshold[0] = (1, 2), 3.0
        mean = rng.normal(size=(heard + 1, columns)).astype(np.float16)
        return Forest(roots, feature, threshold, children, mean, np.full_like(mean, 0.5))

    filters, sources, durations = forest(52, 7), forest(12, 6), forest(1, 7)
    filters.mean[:, 0] = [1.0] * 7 + [0.0]
    sources.mean[:, 0], durations.mean[:, 0] = 5.0, np.arange(2, 10)
    return ClusterVoice(Clusters(rng.normal(size=(8, 5)).astype(np.float32), filters, sources, durations))


def acoustics() -> UnitAcoustics:
    return UnitAcoustics(np.zeros((8, 80), np.float32), np.ones(8, np.float32), np.zeros(8, np.float32))


def save_voice(path: Path) -> str:
    rng = np.random.default_rng(0)
    recordings = Recordings.of(rng.uniform(-0.5, 0.5, (2, 400 + 7 * 160)).astype(np.float32))
    strings = Strings.of(UnitString(np.array([i, 5]), np.array([0, 4]), 8) for i in range(2))
    return write_voice(path, recordings, strings, [0, 1], units())


def parts() -> DescriberParts:
    config = CaptionerConfig(
        pieces=len(PIECES), image_features=8, width=8, hidden=8, retrieved=1, retrieved_length=4, longest=8
    )
    network = randomize(nnx.eval_shape(lambda: build_captioner(config, rngs=nnx.Rngs(0))))
    rows = np.array([[0, 1, 2, 10], [3, 10, 10, 10]], np.int32)
    memory = RetrievalMemory(np.eye(8, dtype=np.float32)[:2], rows, np.array([0, 1]), np.array([0, 1]))
    familiarity = Familiarity(np.eye(8, dtype=np.float32)[:2], np.array([0.25, 0.5], np.float32))
    return DescriberParts(network, PIECES, Guards(), memory, familiarity, (4.0, -1.0), ("a", "b"), {"loss": 2.0})


def save_describer(path: Path, of: DescriberParts | None = None) -> str:
    with TemporaryDirectory() as place:
        folders = {name: Path(place) / name for name in ("space", "units", "voice")}
        space().save(folders["space"])
        units().save(folders["units"])
        save_voice(folders["voice"])
        return write_describer(path, of or parts(), folders)


def text_parts(**sizes: Any) -> TextParts:
    """Of a text describer over three words, that sees the grids of `tower`."""
    config = CaptionerConfig(**{"pieces": 4, "image_features": 8, "width": 8, "hidden": 8, "retrieved": 0, **sizes})
    network = randomize(nnx.eval_shape(lambda: build_captioner(config, rngs=nnx.Rngs(0))))
    familiarity = Familiarity(np.eye(8, dtype=np.float32)[:2], np.array([0.25, 0.5], np.float32))
    memory = CaptionMemory.of([np.array([1, 2]), np.array([1, 2, 3])], np.array([0, 1]))
    guards = Guards(longest=6, repeated=3)
    return TextParts(network, ("", "a", "dog", "runs"), guards, familiarity, memory, {"CIDEr-D": 0.5})


def save_text_describer(path: Path, of: TextParts | None = None) -> str:
    with TemporaryDirectory() as place:
        tower().save(place)
        return write_text_describer(path, of or text_parts(), Path(place))


def save_index(path: Path) -> str:
    shutil.rmtree(path, ignore_errors=True)
    with Index.create(path, "f" * 64, 4) as index:
        index.add(np.eye(4, dtype=np.float32), [Entry("a", float(i), "image") for i in range(4)])
        index.save()
    return read_header(path, INDEX).fingerprint


def save_export(path: Path) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("avnet.export.folder.stablehlo", lambda network, wanted: dict.fromkeys(wanted, b"artefact"))
        write(path, random_network(SIZES), "f" * 64)
    return read_header(path, EXPORT).fingerprint


def save_exported_captioner(path: Path) -> str:
    artefacts = Functions({"encode": b"artefact", "step": b"artefact"}, (), ())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("avnet.export.captioner.folder.jax_functions", lambda network: artefacts)
        write_captioner(path, CaptionerParts(parts().network, parts().pieces, parts().guards, "f" * 64, places=4))
    return read_header(path, EXPORTED_CAPTIONER).fingerprint


# One of each kind; each call of `save` writes a folder and gives its fingerprint.
SAVE: dict[str, Callable[[Path], str]] = {
    "model": lambda path: Model(SIZES, random_network(SIZES)).save(path, "# A card\n"),
    "backbone": lambda path: tower().save(path),
    "audio backbone": lambda path: random_audio_backbone().save(path),
    "units": lambda path: units().save(path),
    "lexicon": lambda path: lexicon().save(path),
    "wavenet-vq": lambda path: wavenet_vq().save(path),
    "space": lambda path: space().save(path),
    "vocoder": lambda path: vocoder().save(path, units().fingerprint),
    "frame model": lambda path: frame_voice().save(path, units().fingerprint),
    "cluster-gen": lambda path: cluster_voice().save(path, units().fingerprint),
    "tacotron2": lambda path: TacotronVoice(random_tacotron2()).save(path, units().fingerprint),
    "waveglow": lambda path: waveglow().save(path),
    "acoustics": lambda path: acoustics().save(path, units().fingerprint),
    "voice": save_voice,
    "describer": save_describer,
    "text describer": save_text_describer,
    "show and speak": lambda path: DirectDescriber(random_show_and_speak(), tower()).save(path),
    "tagger": lambda path: random_tagger().save(path),
    "index": lambda path: save_index(path),
    "export": lambda path: save_export(path),
    "exported captioner": save_exported_captioner,
}
# How what was loaded is saved again, where it takes more than a path.
AGAIN = {
    "vocoder": lambda read, path: read.save(path, units().fingerprint),
    "frame model": lambda read, path: read.save(path, units().fingerprint),
    "cluster-gen": lambda read, path: read.save(path, units().fingerprint),
    "tacotron2": lambda read, path: read.save(path, units().fingerprint),
    "acoustics": lambda read, path: read.save(path, units().fingerprint),
    "voice": lambda read, path: write_voice(path, read.waveforms, read.strings, range(2), units()),
    "describer": lambda read, path: save_describer(path, read.parts),
    "text describer": lambda read, path: save_text_describer(path, read.parts),
}
