"""`python -m train ave|avol|l3 --data DIR --out RUN`."""

from avnet.cli.program import run_program
from train.config import TrainConfig
from train.loop import train


def main() -> None:
    """Trains, and prints the model's folder."""
    run_program("python -m train", TrainConfig, lambda config: print(train(config)))


if __name__ == "__main__":
    main()
