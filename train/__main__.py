"""`python -m train ave|avol|l3 --data DIR --out RUN`, and programs of their own: `python -m train units|speech ...`."""

import sys

from avnet.program.command import run_program
from train.captioner.program import DescribeTrainConfig, describer
from train.convert.imagenet import ImagenetConfig, imagenet
from train.convert.torch_bridge import FromTorchConfig, ToTorchConfig, from_torch, to_torch
from train.correspondence.config import TrainConfig
from train.engine.loop import train
from train.speech_space.program import SpeechConfig, speech
from train.units.program import UnitsConfig, units
from train.vocoder.program import VocoderTrainConfig, vocoder

PROGRAMS = {
    "units": (UnitsConfig, units),
    "speech": (SpeechConfig, speech),
    "describer": (DescribeTrainConfig, describer),
    "vocoder": (VocoderTrainConfig, vocoder),
    "imagenet": (ImagenetConfig, imagenet),
    "from-torch": (FromTorchConfig, from_torch),
    "to-torch": (ToTorchConfig, to_torch),
}


def main() -> None:
    """Trains, and prints the model's folder."""
    config, program = PROGRAMS.get(sys.argv[1] if len(sys.argv) > 1 else "", (TrainConfig, train))
    if program is train:
        run_program("python -m train", TrainConfig, lambda config: print(train(config)))
    else:
        run_program(f"python -m train {sys.argv[1]}", config, program, sys.argv[2:])


if __name__ == "__main__":
    main()
