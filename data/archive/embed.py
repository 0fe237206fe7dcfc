"""`python -m data embed`: an archive embedded by processes of this machine or by the machines of a Beam runner."""

from collections.abc import Iterator, Sequence

from avnet.apps.archive.jobs import EmbedJob, run_job
from avnet.apps.archive.report import IndexReport
from avnet.apps.index import index_files
from avnet.program.progress import show_progress
from avnet.zoo.reference import locate
from data.archive.config import EmbedConfig
from data.runners.beam import run_on_beam


def embed(config: EmbedConfig) -> IndexReport:
    """Runs the command, and prints what the index then holds.

    Raises:
        AvnetError: the model, the index, an option or all of the inputs cannot be used.
    """

    def on_beam(jobs: Sequence[EmbedJob]) -> Iterator[int]:
        run_on_beam(_run, jobs, config.runner, config.beam_options)
        yield from (job.number for job in jobs)

    with show_progress() as on_event:
        source = locate(config.model, on_event)
        runner = None if config.runner == "pool" else on_beam
        report = index_files(source.folder, config.index, config.inputs, config, on_event, runner, config.scratch)
    print(*report.changes(config.index), report.total(config.index), sep="\n")
    return report


def _run(job: EmbedJob) -> None:
    """As `run_job`; Beam takes no result."""
    run_job(job)
