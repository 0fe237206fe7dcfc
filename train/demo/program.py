"""`python -m train demo`: the main job from nothing to a report, with free material.

Stamps become videos, videos become records, records become an AVE-Net and an AVOL-Net; both are measured on clips that
were held out, one of these is localised, the others are searched. The stamps have been described aloud, in French: from
these recordings it learns to say what is in an image. A page shows it all.
"""

import contextlib
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from avnet.apps.index import index_files
from avnet.apps.localize import localize
from avnet.pages.localization import write_localization
from avnet.program.output import output_folder
from avnet.program.progress import show_progress
from data.clips.config import StampsConfig
from data.clips.stamps import find_stamps, stamps
from data.corpus.config import PrepareConfig
from data.corpus.prepare import prepare
from data.corpus.summary import print_summary
from data.sampling.config import SamplingConfig
from eval.correspondence.avc import avc
from eval.correspondence.config import AvcConfig
from eval.localization.config import LocalizationConfig
from eval.localization.localization import localization
from eval.readers.composed import read_composed_videos
from eval.retrieval.config import RetrievalConfig
from eval.retrieval.retrieval import retrieval
from train.correspondence.config import TrainConfig
from train.correspondence.program import train
from train.demo.config import DemoConfig
from train.demo.report import write_report
from train.demo.spoken import can_speak, learn_to_speak, speak

MEASURED_ON = "test"


@dataclass
class Stages:
    """Seconds that each part took, by name."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Announces a part on stderr and times it."""
        print(f"== {name}", file=sys.stderr, flush=True)
        began = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - began


def demo(config: DemoConfig) -> Path:
    """Runs the whole demo.

    Returns:
        The report.
    """
    out, stages = config.out, Stages()
    clips, records, results = out / "clips", out / "records", out / "eval"
    with stages.stage("composing videos"):
        source = config.stamps or find_stamps()
        with_speech = source is not None and config.describer_steps > 0 and can_speak(source)
        composing = StampsConfig(
            out=clips,
            stamps=source,
            classes=config.classes,
            clips=config.clips,
            duration_s=2.0,
            # With something silent beside what sounds, it does not do to point at the only thing there is.
            distractors=(1, 1),
            fractions=(0.8, 0.08, 0.12),
            seed=config.seed,
        )
        stamps(composing)
    with stages.stage("preparing records"):
        sampling = SamplingConfig(short_side=144)
        preparing = PrepareConfig((clips,), records, split_by="folder", labels=clips / "labels.csv", sampling=sampling)
        prepare(preparing)
        print_summary(records)
    with stages.stage("training AVE-Net"):
        run = TrainConfig("ave", records, out / "ave", steps=config.ave_steps, validate_every=75, seed=config.seed)
        ave = train(run)
    with stages.stage("training AVOL-Net"):
        # From AVE-Net, since alone it learns through one cell at a time, which takes far more video.
        run = replace(run, network="avol", out=out / "avol", init_from=ave, steps=config.avol_steps)
        avol = train(run)
    with stages.stage("measuring"):
        avc(AvcConfig(ave, records, MEASURED_ON, results / "ave"))
        avc(AvcConfig(avol, records, MEASURED_ON, results))
        retrieval(RetrievalConfig(ave, records, MEASURED_ON, records / "labels.json", out=results))
        localization(LocalizationConfig(avol, clips, "composed", split=MEASURED_ON, frames=2, out=results))
    with stages.stage("localizing"), show_progress() as on_event:
        video = next(s.image for s in read_composed_videos(clips, MEASURED_ON).scenes if s.sounding)
        result = localize(avol, video, on_event=on_event)
        write_localization(result, output_folder(out / "localized"), on_event=on_event)
    with stages.stage("indexing"), show_progress() as on_event:
        videos = sorted((clips / MEASURED_ON).glob("*.mp4"))  # not the masks beside them
        index_files(ave, out / "index", videos, on_event=on_event)
    if source is not None and with_speech:
        with stages.stage("learning to speak"):
            model = learn_to_speak(source, ave, out, config.describer_steps, config.seed)
        with stages.stage("describing in speech"):
            speak(model, out)
    report = out / "report.html"
    write_report(report, out, ave, stages.seconds, shapes=source is None, with_speech=with_speech)
    return report


def demo_and_print(config: DemoConfig) -> None:
    """As `demo`, and prints where the report is."""
    print(f"report: {demo(config)}")
