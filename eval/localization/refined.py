"""What of a model is measured beside its own heatmaps: plain ones, and each way to finer ones."""

from dataclasses import replace

from avnet.correspondence.config import ModelConfig
from avnet.correspondence.heatmaps.refinement import Refinement
from eval.localization.config import LocalizationConfig


def refinements(config: LocalizationConfig, model: ModelConfig) -> dict[str, Refinement]:
    """How heatmaps are made for each row but the model's own, by its name; none where no option asks for them.

    Each option stands on plain heatmaps and, where the model's are fine or `--fine` asks for such, on fine ones; two
    options and more stand together too. Where objects are, whatever sounds, is a baseline of its own.

    Raises:
        OptionError: an option has a value that cannot be, or the model cannot take a size.
    """
    fine_by_default = len(Refinement().sizes(model)) > 1
    scales = Refinement(scales=config.scales)
    scales.sizes(model)
    alone = {"flips": Refinement(flips=True)} if config.flips else {}
    if config.object_prior:
        alone[f"object prior {config.object_prior:g}"] = Refinement(object_prior=config.object_prior)
    if not (alone or config.scales or config.fine):
        return {}
    bases = {"plain": False} | ({"fine": True} if config.fine or fine_by_default else {})
    rows = {f"model, {base}": Refinement(fine=fine) for base, fine in bases.items() if fine != fine_by_default}
    for name, option in alone.items():
        rows |= {f"model, {base}, {name}": replace(option, fine=fine) for base, fine in bases.items()}
    if config.scales:
        name = f"scales {' '.join(map(str, config.scales))}"
        rows[f"model, {name}"] = scales
        if alone:
            both = Refinement(scales=config.scales, flips=config.flips, object_prior=config.object_prior)
            rows[f"model, {', '.join([name, *alone])}"] = both
    if len(alone) > 1:
        both = Refinement(flips=config.flips, object_prior=config.object_prior)
        rows |= {f"model, {base}, {', '.join(alone)}": replace(both, fine=fine) for base, fine in bases.items()}
    if config.object_prior:
        rows["objects alone"] = Refinement(fine=False, object_prior=1.0)
    return rows
