"""Backbones in use: EfficientNet-Lite0 and YAMNet, by avnet and, as what avnet exports, by ONNX Runtime.

L3-Net has nothing above its towers but a mean, so that its embeddings are their features.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from flax import nnx

from avnet.audio.pcm import from_pcm
from avnet.backbones.audio.config import AudioBackboneConfig
from avnet.backbones.config import BackboneConfig
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.model import Model
from avnet.correspondence.network import build
from avnet.export.exported import Exported
from avnet.export.folder import write
from eval.speed import protocol
from eval.speed.protocol import Way
from eval.speed.workers import on_jax
from eval.speed.workers.synthetic import random_images, sounds

LibraryName = Literal["avnet", "onnxruntime"]


@dataclass(frozen=True)
class Options:
    """What is asked.

    Attributes:
        library: that computes.
        folder: for the exported model; new.
        batch_size: images, and sounds, at once.
        image_size: side of the square images, pixels.
        repeats: batches in a repetition.
    """

    library: LibraryName
    folder: str
    batch_size: int
    image_size: int
    repeats: int


def main() -> None:
    """Answers the requests "images" and "sounds": from uint8 squares and float32 waveforms to embeddings."""
    with protocol.line_of_process() as line:
        options = protocol.options_of_process(Options)
        vision, audio = BackboneConfig.efficientnet_lite0(options.image_size), AudioBackboneConfig.yamnet(classes=0)
        config = ModelConfig.on_backbones("l3", vision, audio)
        model = Model(config, build(config, rngs=nnx.Rngs(0)), batch_size=options.batch_size)
        images = random_images(options.batch_size, config.image_size)
        waveforms = from_pcm(sounds(options.batch_size, config.clip_samples))
        embed_images, embed_waveforms = model.embed_images, model.embed_waveforms
        if options.library == "onnxruntime":
            write(options.folder, model.network, model.fingerprint, "onnx")
            exported = Exported.load(Path(options.folder))
            embed_images, embed_waveforms = exported.image_encoder, exported.sound_encoder

        def way(work: Callable[[], object]) -> Way:
            def repeat() -> None:
                for _ in range(options.repeats):
                    work()

            repeat()
            return protocol.way_of(repeat, options.batch_size * options.repeats)

        ways = {"images": way(lambda: embed_images(images)), "sounds": way(lambda: embed_waveforms(waveforms))}
        protocol.serve(line, ways, {**on_jax.facts(), "computed by": options.library})


if __name__ == "__main__":
    main()
