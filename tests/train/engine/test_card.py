"""What is trained says for people what it is, what it saw and how well it does."""

import pytest

from train.engine.card import trained_card
from train.engine.options import RunOptions


def test_a_card_names_options_and_figures():
    options = RunOptions(steps=7, batch_size=8, learning_rate=1e-3)
    card = trained_card(
        "Thing", "It is for this.", "Trained on that.", options, {"step": 5.0, "mel_l1": 0.25}, "Little."
    )
    assert "7 steps of 8 examples, learning rate 0.001, seed 0" in card and "step 5" in card
    assert "| mel l1 | 0.25 |" in card and "| step" not in card


@pytest.mark.parametrize(("name", "title"), [("space", "# Speech space"), ("model", "# Describer")])
def test_folders_have_a_card(world, name, title):
    assert title in (getattr(world, name) / "README.md").read_text()
