import subprocess
import sys
from pathlib import Path

import pytest

from avnet.cli import serve as command
from avnet.cli.serve import ServeConfig
from avnet.errors import ConfigError, OptionError
from avnet.program.options import parse_options
from avnet.web.config import WebOptions


def test_without_the_extra_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setattr(command, "find_spec", lambda name: None if name == "uvicorn" else True)
    with pytest.raises(ConfigError, match=r"needs uvicorn: pip install 'avnet\[web\]'"):
        command.run(ServeConfig())


def test_help_imports_neither_the_server_nor_the_network():
    script = """
import sys
from avnet.cli.main import main
try:
    main(["serve", "--help"])
except SystemExit:
    pass
print([name for name in ("fastapi", "uvicorn", "jax", "av") if name in sys.modules], file=sys.stderr)
"""
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert process.stderr.strip() == "[]" and "Example: avnet serve" in process.stdout


def test_a_model_may_stand_first():
    arguments = ServeConfig.in_full(["runs/joint/model", "--port", "1"])
    assert parse_options("avnet serve", ServeConfig, arguments).model == "runs/joint/model"


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"port": 70_000}, "port: must be from 0 to 65535"),
        ({"token": "short"}, "token: must be at least 16"),
        ({"token": "ü" * 16}, "token: must be at least 16 ASCII"),
        ({"upload_mb": 0}, "upload_mb: must be at least 1"),
        ({"keep_minutes": 0}, "keep_minutes: must be more than 0"),
        ({"allow_indexing": True}, "allow_indexing: needs --index"),
        ({"voice": (Path("low"),)}, "voice: goes with --describer"),
    ],
)
def test_options_that_cannot_be_are_refused(values, reason):
    with pytest.raises(OptionError, match=reason):
        ServeConfig(**values)


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False),
     ("192.168.1.2", False), ("localhost.example", False)],
)  # fmt: skip
def test_only_loopback_addresses_go_without_a_token(host, local):
    assert WebOptions(host=host).local == local


def test_names_of_a_server_have_its_port():
    names = WebOptions(host="::1", public_name=("Films.example",)).names(8000)
    assert names == {"127.0.0.1:8000", "localhost:8000", "[::1]:8000", "films.example"}
    assert "localhost" in WebOptions().names(80)
