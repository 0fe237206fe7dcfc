"""The lines of docs/serve.md that ask a server, as they stand there."""

import io
import re
import shlex
import subprocess
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from extras import need

need("fastapi")
need("uvicorn")
from web_client import serving  # noqa: E402

PAGE = Path(__file__).parents[3] / "docs" / "serve.md"
BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = BLOCK.findall(PAGE.read_text())


@pytest.fixture
def address(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("video.mp4").write_bytes(b"barks")
    with serving() as client:
        yield client, f"127.0.0.1:{client.port}"


def test_the_client_of_ten_lines_says_what_it_was_told(address):
    _, host = address
    ((_, text),) = [block for block in BLOCKS if block[0] == "python"]
    assert len([line for line in text.splitlines() if line and "import" not in line]) <= 10
    output = io.StringIO()
    with redirect_stdout(output):
        exec(compile(text.replace("127.0.0.1:8000", host), "serve.md", "exec"), {})
    assert output.getvalue() == "From 0:00 to 0:01 barks.\n"


def test_every_line_of_curl_is_answered(address):
    client, host = address
    lines = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines()]
    assert len(lines) >= 7
    names = {"MEDIA": client.send(b"barks").json["id"], "JOB": client.job(b"barks"), "ENTRY": "3-17"}
    client.wait(names["JOB"])
    for line in lines:
        assert line.startswith("curl ")
        for word, name in names.items():
            line = re.sub(rf"\b{word}\b", name, line)
        command = [*shlex.split(line.replace("127.0.0.1:8000", host)), "--fail", "--silent", "--show-error"]
        process = subprocess.run(command, capture_output=True, text=True, timeout=20)
        assert process.returncode == 0, f"{line}: {process.stderr}"
    assert Path("heatmaps.npz").read_text() == "barks" and Path("entry.jpg").stat().st_size
