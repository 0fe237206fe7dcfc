"""The card of what is trained on descriptions or speech: purpose, data, figures and limits."""

from collections.abc import Mapping

from train.engine.options import RunOptions


def trained_card(
    title: str, purpose: str, data: str, options: RunOptions, figures: Mapping[str, float], limits: str
) -> str:
    """Markdown.

    Args:
        title: what it is.
        purpose: what it is for, in a sentence or two.
        data: what it was trained on.
        options: of the run.
        figures: of the best state on validation, with its step.
        limits: what it cannot do.
    """
    rows = "\n".join(f"| {name.replace('_', ' ')} | {value:.4g} |" for name, value in figures.items() if name != "step")
    return f"""---
library_name: avnet
---
# {title}

{purpose}

## Data
{data}

## Training
{options.steps} steps of {options.batch_size} examples, learning rate {options.learning_rate:g}, seed {options.seed}, \
computed in {options.compute}. All options are in `run.json` of the run.

## Metrics
On held-out data, which also chose this state (step {figures["step"]:.0f}):

| metric | value |
|---|---|
{rows}

## Limits
{limits}
"""
