"""`python -m train demo`: the model that comes with avnet on free material, as it is and adapted to it, in minutes.

Stamps become videos, videos become records. One of the videos that are held out is localized with the model as it
comes, the others are searched, and stamps get the recording of the stamp most like them. Then the model is measured on
the held-out videos, adapted to the others, and measured again. A page shows it all.
"""

from pathlib import Path

from avnet.apps.index import index_files
from avnet.apps.localize import localize
from avnet.correspondence.model import Model
from avnet.errors import ConfigError
from avnet.pages.localization import write_localization
from avnet.program.output import output_folder
from avnet.program.progress import show_progress
from avnet.zoo.reference import locate
from data.records.pairs import canvas_of
from eval.correspondence.avc import avc
from eval.correspondence.config import AvcConfig
from eval.localization.config import LocalizationConfig
from eval.localization.localization import localization
from eval.retrieval.config import RetrievalConfig
from eval.retrieval.retrieval import retrieval
from train.correspondence.config import TrainConfig
from train.correspondence.program import train
from train.demo.config import DemoConfig
from train.demo.material import HELD_OUT, Material, make_material
from train.demo.nearest import described_stamps, find_nearest
from train.demo.report import write_report
from train.demo.spoken import FEWEST
from train.demo.stages import Stages

FRACTIONS = (0.6, 0.15, 0.25)
BATCH = 64


def demo(config: DemoConfig) -> Path:
    """Runs the whole demo.

    Returns:
        The report.

    Raises:
        ConfigError: the model is no joint network.
    """
    out, stages, source = config.out, Stages(), locate(config.model).folder
    model = open_joint_model(config.model)
    material = make_material(config, out, config.clips, FRACTIONS, canvas_of(model.config.image_size), stages)
    video = material.sounding_videos()[0]
    with stages.stage("localizing"):
        show_where(model, video, out / "localized" / "before")
    with stages.stage("indexing for search"), show_progress() as on_event:
        index_files(model, out / "index", material.held_out_videos(), on_event=on_event)
    items = [] if material.source is None else described_stamps(material.source)
    nearest = out / "nearest.json" if len(items) >= FEWEST else None
    if nearest is not None:
        with stages.stage("describing by what people said"):
            find_nearest(model, items, nearest)
    with stages.stage("measuring the model as it is"):
        measure(source, material, out / "eval" / "before")
    with stages.stage("adapting the model"):
        adapted = adapt(config, material.records)
    with stages.stage("measuring the adapted model"):
        measure(adapted, material, out / "eval" / "after")
    with stages.stage("localizing with the adapted model"):
        show_where(Model.load(adapted), video, out / "localized" / "after")
    report = out / "report.html"
    write_report(report, out, material, model, stages.seconds, nearest)
    return report


def demo_and_print(config: DemoConfig) -> None:
    """As `demo`, and prints where the report is."""
    print(f"report: {demo(config)}")


def open_joint_model(reference: str | Path) -> Model:
    """The model to begin with.

    Raises:
        ConfigError: it does not both embed and localize.
        ModelFolderError: it cannot be opened.
    """
    model = Model.load(reference)
    if model.config.network != "joint":
        reason = f"is a network of the kind {model.config.network!r}; the demo takes a joint one, as base is, for both"
        raise ConfigError(reference, f"{reason} search and heatmaps")
    return model


def show_where(model: Model, video: Path, folder: Path) -> None:
    """Localizes a video and writes the overlay."""
    with show_progress() as on_event:
        write_localization(localize(model, video, on_event=on_event), output_folder(folder), on_event=on_event)


def adapt(config: DemoConfig, records: Path) -> Path:
    """Trains the layers above the classifiers on what they give for the videos; returns the model folder."""
    # Of few videos half make a batch, some of which are silent and not in the records.
    batch_size = min(BATCH, int(FRACTIONS[0] * config.clips) // 2)
    # The layers know nothing of these videos, and validation tells when a high rate has gone too far.
    run = TrainConfig(
        "joint",
        records,
        config.out / "adapted",
        init_from=config.model,
        steps=config.steps,
        batch_size=batch_size,
        learning_rate=3e-3,
        validate_every=25,
        seed=config.seed,
    )
    return train(run)


def measure(model: Path, material: Material, out: Path) -> None:
    """Correspondence, retrieval and localization on what was held out."""
    avc(AvcConfig(model, material.records, HELD_OUT, out))
    retrieval(RetrievalConfig(model, material.records, HELD_OUT, material.labels, out=out))
    localization(LocalizationConfig(model, material.clips, "composed", split=HELD_OUT, out=out))
