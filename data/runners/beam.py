"""Work spread over machines by Apache Beam."""

import base64
import contextlib
import io
import json
import logging
import pickle
import re
import tempfile
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from avnet import errors
from avnet.errors import AvnetError, ConfigError, DataError

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import PipelineOptions  # pyright: ignore[reportMissingImports]
    from apache_beam.runners.runner import PipelineRunner  # pyright: ignore[reportMissingImports]

Task = TypeVar("Task")

RUNNER, OPTIONS = "--runner", "--beam-options"
# Beam's own DirectRunner is Prism by now, a program that it would download.
THIS_MACHINE = ("fnapirunner", "fnapi", "directrunner", "direct")
INTERRUPTION = "interrupted"
REFUSAL = re.compile(r"\(avnet-refusal ([\w=-]+)\)")


def run_on_beam(function: Callable[[Task], None], tasks: Sequence[Task], runner: str, options: Sequence[str]) -> None:
    """Runs the function once for each task on the machines of a Beam runner; what it writes is the result.

    Where a machine was lost a task runs again, so the function must not mind.

    Args:
        function: from a module that the workers can import, as is the class of the tasks.
        tasks: whatever pickles; all travel inside the description of the pipeline, so a task should be small.
        runner: Beam's name for it; FnApiRunner and DirectRunner need nothing but this machine.
        options: Beam's own, as `key=value` or `key`.

    Raises:
        ConfigError: Beam is not installed, or has no such runner or option.
        DataError: a worker of this machine was killed.
        AvnetError: what the function raised, wherever it ran; an OSError comes as a DataError.
    """
    if not tasks:
        return
    try:
        from data.runners.beam_local import quiet
    except ImportError:
        raise ConfigError(RUNNER, "needs Apache Beam: pip install -e '.[train,beam]'") from None
    if runner.lower() in THIS_MACHINE:
        with quiet():
            _run_here(function, tasks, options)
        return
    with quiet():
        settings = _options(options)
        engine = _runner(runner)
    # Where to look at the job, and how far it is.
    logging.getLogger("apache_beam.runners.dataflow").setLevel(logging.INFO)
    try:
        _run(engine, settings, function, tasks)
    except ImportError as error:
        raise ConfigError(RUNNER, str(error)) from None
    except Exception as error:
        raise _refusal(str(error)) or error from None


def _run_here(function: Callable[[Task], None], tasks: Sequence[Task], options: Sequence[str]) -> None:
    from data.runners.beam_local import WorkerDeath, local_runner

    settings = _options(options)
    with tempfile.TemporaryDirectory() as folder:
        failure = Path(folder) / "failure"
        try:
            _run(local_runner(settings), settings, function, tasks, str(failure))
        except WorkerDeath:
            raise DataError(OPTIONS, "a worker process was killed; run again with fewer direct_num_workers") from None
        if failure.exists():
            text = failure.read_text(encoding="utf-8")
            if text == INTERRUPTION:
                raise KeyboardInterrupt
            raise _refusal(text) or RuntimeError(text)


def _options(options: Sequence[str]) -> "PipelineOptions":
    from apache_beam.options.pipeline_options import PipelineOptions, SetupOptions  # pyright: ignore[reportMissingImports]

    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint), contextlib.redirect_stdout(io.StringIO()):
            pipeline_options = PipelineOptions([f"--{option}" for option in options])
            values = pipeline_options.get_all_options()
            unknown = sorted(pipeline_options.get_all_options(retain_unknown_options=True).keys() - values.keys())
    except SystemExit:
        reason = complaint.getvalue().rpartition("error: ")[2] or "must be key=value or key"
        raise ConfigError(OPTIONS, reason) from None
    if unknown:
        raise ConfigError(OPTIONS, f"Beam has no option {', '.join(unknown)}")
    if int(values.get("direct_num_workers") or 0) < 0:
        raise ConfigError(OPTIONS, "direct_num_workers must be at least 0")
    if values["runner"]:
        raise ConfigError(OPTIONS, f"give the runner as {RUNNER}")
    # Nothing that runs lies in __main__.
    pipeline_options.view_as(SetupOptions).save_main_session = False
    return pipeline_options


def _runner(name: str) -> "PipelineRunner":
    from apache_beam.runners.runner import create_runner  # pyright: ignore[reportMissingImports]

    try:
        return create_runner(name)
    except (ImportError, ValueError, AttributeError) as error:
        raise ConfigError(RUNNER, str(error)) from None


def _run(
    runner: "PipelineRunner",
    options: "PipelineOptions",
    function: Callable[[Task], None],
    tasks: Sequence[Task],
    failure: str | None = None,
) -> None:
    import apache_beam as beam  # pyright: ignore[reportMissingImports]

    try:
        pipeline = beam.Pipeline(runner=runner, options=options)
    except (ValueError, ImportError) as error:
        raise ConfigError(OPTIONS, str(error)) from None
    # As bytes, since Beam would infer a schema of each class and take it apart.
    pickles = [pickle.dumps(task) for task in tasks]
    # Create would reshuffle too; once is enough.
    spread = pipeline | "Tasks" >> beam.Create(pickles, reshuffle=False) | "Spread" >> beam.Reshuffle()
    spread | "Work" >> beam.Map(_work, function, failure)  # pyright: ignore[reportUnusedExpression]
    result = pipeline.run()
    try:
        result.wait_until_finish()
    except KeyboardInterrupt:
        result.cancel()
        raise


def _work(task: bytes, function: Callable[[Task], None], failure: str | None) -> None:
    """Calls the function, and words what it raises so that it survives the way back.

    Args:
        task: its pickle.
        function: how.
        failure: on one machine a file for what was raised, which ends all workers after the task that they are at;
            between machines None, and it goes as the text of an exception, which every runner passes on.

    Raises:
        RuntimeError: the function raised, and there is no file for it.
    """
    if failure is not None and Path(failure).exists():
        return
    try:
        # Its own pickle, made by the process that planned the tasks; nothing else reaches it.
        function(pickle.loads(task))
    except (Exception, KeyboardInterrupt) as error:  # Beam would make an error of Ctrl-C
        if failure is None:
            raise RuntimeError(_in_words(error)) from error
        Path(failure).write_text(_in_words(error), encoding="utf-8", errors="backslashreplace")


def _in_words(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTION
    if isinstance(error, OSError):
        error = DataError(error.filename or "system", error.strerror or str(error))
    if not isinstance(error, AvnetError):
        return traceback.format_exc()
    parts = json.dumps([type(error).__name__, error.subject, error.reason]).encode()
    return f"{error} (avnet-refusal {base64.urlsafe_b64encode(parts).decode()})"


def _refusal(words: str) -> AvnetError | None:
    """The refusal that `_in_words` put into a text, if it did."""
    match = REFUSAL.search(words)
    if match is None:
        return None
    kind, subject, reason = json.loads(base64.urlsafe_b64decode(match[1]))
    return getattr(errors, kind)(subject, reason)
