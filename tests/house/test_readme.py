"""The commands of README and docs, as they stand there.

Each is parsed by the program that it names. Those that use a model, and those that prepare data, are run too, in the
order of the page, in a folder where the names of the page stand for tiny things. What trains or measures for minutes is
run by the tests of its program, `make test` by continuous integration.
"""

import importlib
import re
import shlex
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tyro
from extras import need
from makefile_rules import ROOT, rules
from media.films import film
from PIL import Image
from random_networks import random_network

from avnet.correspondence.config import ModelConfig
from avnet.correspondence.model import Model
from avnet.media import write_wav

DOCS = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md"))
PAGES = ["README.md", "CONTRIBUTING.md", *DOCS]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# In a line of a shell, perhaps after what starts it elsewhere; inside backquotes in the text.
IN_BLOCK = re.compile(r"(?<![\w./-])(?:python -m (?:data|eval|train) |avnet (?=[a-z]))[^#\"&\n]*")
IN_TEXT = re.compile(r"`((?:python -m (?:data|eval|train)|avnet(?= [a-z])) [^`]+ [^`]+)`")
# These take minutes or need what a test does not have.
LONG = re.compile(r"python -m (train (?!to-torch|from-torch)|eval )")
# Parts of lines that need an extra, and its package.
EXTRA = {"accelerate": "faiss", ".pth": "torch"}


def blocks(page: str, language: str) -> list[str]:
    return [text for kind, text in BLOCK.findall((ROOT / page).read_text()) if kind == language]


def commands(page: str) -> list[str]:
    """Our own commands on a page, each alternative of `a|b` by itself; `...` stands for any options."""
    shell = "\n".join(re.sub(r"\\\n\s*", " ", text) for text in blocks(page, ""))
    prose = " ".join(BLOCK.sub("", (ROOT / page).read_text()).split())
    lines = [" ".join(line.split()) for line in IN_BLOCK.findall(shell) + IN_TEXT.findall(prose)]
    return [one for line in lines if "..." not in line and "PROGRAM" not in line for one in alternatives(line)]


def alternatives(line: str) -> list[str]:
    several = re.search(r"\S+\|\S+", line)
    return [line.replace(several[0], one) for one in several[0].split("|")] if several else [line]


def call(command: str) -> None:
    """What a shell would start, in this process."""
    arguments = [re.sub("^~", str(Path.home()), argument) for argument in shlex.split(command)]
    start = 1 if arguments[0] == "avnet" else 3
    module = importlib.import_module("avnet" if start == 1 else arguments[2])
    if hasattr(module, "__path__"):
        module = importlib.import_module(f"{module.__name__}.__main__")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", arguments[start - 1 :])
        module.main()


class ParseEnd(BaseException):
    """The command line was understood."""


@pytest.fixture
def parsing(monkeypatch):
    """Programs stop once their options are read and found possible."""
    parse = tyro.cli

    def stop(*arguments, **options):
        parse(*arguments, **options)
        raise ParseEnd

    monkeypatch.setattr(tyro, "cli", stop)


def test_the_pages_have_commands():
    counts = {page: len(commands(page)) for page in PAGES}
    assert counts["README.md"] >= 25 and sum(counts.values()) >= 30
    assert "python -m data repair corpus" in commands("README.md")


@pytest.mark.parametrize("command", sorted({command for page in PAGES for command in commands(page)}))
def test_command_is_understood(command, parsing, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ParseEnd):
        call(command)


@pytest.mark.parametrize("target", ["demo", "demo-scratch"])
def test_demos_are_understood(target, parsing):
    assert f"`make {target}`" in (ROOT / "README.md").read_text()
    (command,) = re.findall(r"python -m train.*", rules()[target])
    with pytest.raises(ParseEnd):
        call(command)


def test_links_lead_somewhere():
    for page in [*ROOT.glob("*.md"), *map(ROOT.joinpath, DOCS)]:
        links = re.findall(r"\]\(([^)#]+)", page.read_text())
        assert not [link for link in links if "://" not in link and not (page.parent / link).exists()], page


def test_lines_for_pip_name_extras_that_exist():
    text = "\n".join((ROOT / page).read_text() for page in PAGES)
    extra_names = [name for group in re.findall(r"\.\[([a-z,]+)\]", text) for name in group.split(",")]
    extras = re.findall(r"^(\w+) = \[", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert extra_names and set(extra_names) <= set(extras)


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """A folder, and a home, in which what the page names is there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for number in range(6):
        film(tmp_path / "Videos" / f"film_{number}.mp4", number, 1.5)
    shutil.copy(tmp_path / "Videos" / "film_0.mp4", "video.mp4")
    rng = np.random.default_rng(0)
    for name in ("dog.jpg", "garden.jpg"):
        Image.fromarray(rng.integers(0, 255, (48, 64, 3), np.uint8)).save(name)
    write_wav("bark.wav", rng.normal(0, 0.1, 96_000), 48_000)
    for network in ("ave", "avol"):
        config = replace(ModelConfig.small(network), image_size=32, widths=(4, 4, 8, 8), embedding_size=8)
        Model(config, random_network(config)).save(tmp_path / "runs" / network / "model", "# Card\n")
    return tmp_path


@pytest.fixture
def speech_corpus(scratch, world, tiny):
    """What the page says of spoken descriptions is there too."""
    shutil.copytree(world.source, scratch, dirs_exist_ok=True)
    (scratch / "corpus.csv").rename("descriptions.csv")
    shutil.copytree(world.model, scratch / "runs" / "describer" / "model")


def test_readme_runs_from_top_to_bottom(scratch, speech_corpus):
    for command in commands("README.md"):
        if not LONG.match(command) and not any(part in command for part in EXTRA):
            call(command)
    for text in blocks("README.md", "python"):
        exec(compile(text, "README.md", "exec"), {})


@pytest.fixture
def extras():
    for name in EXTRA.values():
        need(name)


def test_lines_of_readme_that_take_an_extra_run(extras, scratch):
    # Whoever brings a checkpoint trained a network of a size that has a name.
    config = ModelConfig.small("ave")
    Model(config, random_network(config)).save(scratch / "small", "# Card\n")
    call("python -m train to-torch small --out checkpoint.pth")
    for command in commands("README.md"):
        if command.startswith("avnet index") or any(part in command for part in EXTRA):
            call(command)
