"""`python -m train ave|avol|l3 --data DIR --out RUN` and `python -m train units RECORDINGS --out UNITS`."""

import sys

from avnet.cli.program import run_program
from train.config import TrainConfig
from train.loop import train
from train.units import UnitsConfig, units


def main() -> None:
    """Trains, and prints the model's folder."""
    if sys.argv[1:2] == ["units"]:
        run_program("python -m train units", UnitsConfig, units, sys.argv[2:])
    else:
        run_program("python -m train", TrainConfig, lambda config: print(train(config)))


if __name__ == "__main__":
    main()
