"""`python -m train demo-scratch`: the main job from nothing to a report, with free material.

Stamps become videos, videos become records, records become an AVE-Net and an AVOL-Net; both are measured on clips that
were held out, one of these is localised, the others are searched. The stamps have been described aloud, in French: from
these recordings it learns to say what is in an image. A page shows it all.
"""

from dataclasses import replace
from pathlib import Path

from avnet.apps.index import index_files
from avnet.apps.localize import localize
from avnet.pages.localization import write_localization
from avnet.program.output import output_folder
from avnet.program.progress import show_progress
from eval.correspondence.avc import avc
from eval.correspondence.config import AvcConfig
from eval.localization.config import LocalizationConfig
from eval.localization.localization import localization
from eval.retrieval.config import RetrievalConfig
from eval.retrieval.retrieval import retrieval
from train.correspondence.config import TrainConfig
from train.correspondence.program import train
from train.demo.config import ScratchDemoConfig
from train.demo.material import HELD_OUT, make_material
from train.demo.scratch_report import write_report
from train.demo.spoken import can_speak, learn_to_speak, speak
from train.demo.stages import Stages


def demo(config: ScratchDemoConfig) -> Path:
    """Runs the whole demo.

    Returns:
        The report.
    """
    out, stages = config.out, Stages()
    results = out / "eval"
    material = make_material(config, out, config.clips, (0.8, 0.08, 0.12), 144, stages)
    clips, records, source = material.clips, material.records, material.source
    with_speech = source is not None and config.describer_steps > 0 and can_speak(source)
    with stages.stage("training AVE-Net"):
        run = TrainConfig("ave", records, out / "ave", steps=config.ave_steps, validate_every=75, seed=config.seed)
        ave = train(run)
    with stages.stage("training AVOL-Net"):
        # From AVE-Net, since alone it learns through one cell at a time, which takes far more video.
        run = replace(run, network="avol", out=out / "avol", init_from=ave, steps=config.avol_steps)
        avol = train(run)
    with stages.stage("measuring"):
        avc(AvcConfig(ave, records, HELD_OUT, results / "ave"))
        avc(AvcConfig(avol, records, HELD_OUT, results))
        retrieval(RetrievalConfig(ave, records, HELD_OUT, material.labels, out=results))
        localization(LocalizationConfig(avol, clips, "composed", split=HELD_OUT, frames=2, out=results))
    with stages.stage("localizing"), show_progress() as on_event:
        result = localize(avol, material.sounding_videos()[0], on_event=on_event)
        write_localization(result, output_folder(out / "localized"), on_event=on_event)
    with stages.stage("indexing"), show_progress() as on_event:
        index_files(ave, out / "index", material.held_out_videos(), on_event=on_event)
    if source is not None and with_speech:
        with stages.stage("learning to speak"):
            model = learn_to_speak(source, ave, out, config.describer_steps, config.seed)
        with stages.stage("describing in speech"):
            speak(model, out)
    report = out / "report.html"
    write_report(report, out, material, ave, stages.seconds, with_speech=with_speech)
    return report


def demo_and_print(config: ScratchDemoConfig) -> None:
    """As `demo`, and prints where the report is."""
    print(f"report: {demo(config)}")
