"""Ours in use: AVE-Net's answers for images and sounds in memory, and spectrograms alone."""

from dataclasses import dataclass

import jax
from flax import nnx

from avnet.audio.pcm import from_pcm
from avnet.audio.spectrogram import log_spectrogram
from avnet.correspondence.config import ModelConfig, PresetName
from avnet.correspondence.model import Model
from avnet.correspondence.network import build
from eval.speed import protocol
from eval.speed.workers import on_jax
from eval.speed.workers.synthetic import random_images, sounds


@dataclass(frozen=True)
class Options:
    """What is asked.

    Attributes:
        preset: of the network.
        batch_size: pairs at once.
        repeats: batches in a repetition.
        way: "answer" or "spectrogram".
    """

    preset: PresetName
    batch_size: int
    repeats: int
    way: str


def main() -> None:
    """Answers the request that the options name.

    "answer": from uint8 squares and float32 waveforms to probabilities, through `avnet.Model`, in pairs.
    "spectrogram": from float32 waveforms to log spectrograms, in clips; they stay on the device.
    """
    with protocol.line_of_process() as line:
        options = protocol.options_of_process(Options)
        line.device_peak = on_jax.device_peak
        config = ModelConfig.preset("ave", options.preset)
        waveforms = from_pcm(sounds(options.batch_size, config.clip_samples))
        if options.way == "answer":
            images = random_images(options.batch_size, config.image_size)
            model = Model(config, build(config, rngs=nnx.Rngs(0)), batch_size=options.batch_size)

            def batch() -> None:
                model.correspondence(images, waveforms)
        else:
            # Transfers are part of an answer, but not of the spectrogram alone.
            on_device = jax.device_put(waveforms)

            def batch() -> None:
                # JAX returns before the device has computed.
                jax.block_until_ready(log_spectrogram(on_device, config.spectrogram))

        def work() -> None:
            for _ in range(options.repeats):
                batch()

        work()
        ways = {options.way: protocol.way_of(work, options.batch_size * options.repeats)}
        protocol.serve(line, ways, {**on_jax.facts(), "compute": "float32"})


if __name__ == "__main__":
    main()
