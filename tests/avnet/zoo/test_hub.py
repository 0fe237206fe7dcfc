"""Models on the Hugging Face Hub: fetched from and put on a stand-in of it on this machine."""

import os
import re
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from extras import need
from one_of_each import save_text_describer
from random_networks import random_network
from stand_in_hub import TOKEN, Repository, stand_in_hub

import avnet
from avnet.cli.main import main
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.model import Model
from avnet.errors import AvnetError
from avnet.files.artifact import HEADER, WEIGHTS, read_header
from avnet.files.kinds import MODEL
from avnet.files.weights import to_bytes
from avnet.zoo.reference import locate

need("huggingface_hub")
ROOT = Path(__file__).parents[3]
CARD = "# Card\n\n## Metrics\nnone\n"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    config = replace(ModelConfig.small("ave"), image_size=32, widths=(4, 4, 8, 8), embedding_size=8)
    folder = tmp_path_factory.mktemp("trained") / "model"
    Model(config, random_network(config)).save(folder, CARD)
    return folder


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """The stand-in, in place of the Hub for this process; with a cache and a token of its own."""
    from huggingface_hub import constants  # pyright: ignore[reportMissingImports]

    with stand_in_hub() as server:
        monkeypatch.setattr(constants, "ENDPOINT", server.address)
        template = constants.HUGGINGFACE_CO_URL_TEMPLATE.partition("{")
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", "".join((f"{server.address}/", *template[1:])))
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        yield server


@pytest.fixture
def published(hub, model):
    """The model in a repository of the stand-in, among what is never fetched; and its commit."""
    repository = hub.repositories["user/model"] = Repository()
    files = {file.name: file.read_bytes() for file in model.iterdir()}
    return repository, repository.commit(
        {**files, "pytorch_model.bin": b"pickle", "setup.py": b"import os", ".gitattributes": b""}
    )


@pytest.fixture
def run(capsys):
    def call(*arguments):
        try:
            main([str(argument) for argument in arguments])
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        output = capsys.readouterr()
        return code, output.out, output.err

    return call


def test_model_is_fetched_by_its_address_and_opens_as_it_was(hub, published, model):
    _, commit = published
    source = locate("hf://user/model")
    assert source.name == f"hf://user/model@{commit}" and str(source).endswith(
        read_header(model, MODEL).fingerprint[:12]
    )
    assert (source.folder / WEIGHTS).is_symlink()  # as the cache has them
    assert hub.downloads() == {HEADER, WEIGHTS, "README.md"}
    mine, theirs = avnet.load(model), avnet.load("hf://user/model")
    assert theirs.fingerprint == mine.fingerprint and to_bytes(theirs.network) == to_bytes(mine.network)
    assert Model.load(Path("hf://user/model@main")).fingerprint == mine.fingerprint


def test_branch_is_resolved_anew_and_a_commit_needs_no_network(hub, published, model, tmp_path):
    repository, commit = published
    locate("hf://user/model")
    again = avnet.load(model)
    again.save(tmp_path / "half", CARD, precision="float16")
    newer = repository.commit({file.name: file.read_bytes() for file in (tmp_path / "half").iterdir()})
    assert locate("hf://user/model").name.endswith(newer) and newer != commit
    hub.requests.clear()
    assert locate(f"hf://user/model@{commit}").folder.name == commit and not hub.requests


def test_part_of_a_model_in_the_cache_is_completed(hub, published):
    folder = locate("hf://user/model").folder
    (folder / WEIGHTS).unlink()
    assert (locate(f"hf://user/model@{folder.name}").folder / WEIGHTS).is_file()


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("hf://user/nothing", "does not exist on the Hub, or is private: log in"),
        ("hf://user/model@v9", "no such revision"),
        ("hf://user/hidden", "or is private"),
        ("hf://user/gated", "ask for access"),
        ("hf://user/other", f"it has no {HEADER}"),
        ("hf://user", "is no address on the Hub"),
        ("hf://user/model/file", "is no address on the Hub"),
        ("hf://../model", "is no address on the Hub"),
        ("hf://user/model@../x", "is no address on the Hub"),
    ],
)
def test_what_cannot_be_fetched_is_refused_in_one_line(hub, published, run, reference, words):
    hub.repositories |= {name: Repository() for name in ("user/hidden", "user/gated", "user/other")}
    for name in ("user/hidden", "user/gated", "user/other"):
        hub.repositories[name].commit({"pytorch_model.bin": b"pickle", "config.json": b"{}"})
    hub.repositories["user/hidden"].private = hub.repositories["user/gated"].gated = True
    code, out, err = run("info", reference)
    assert (code, out) == (2, "") and re.fullmatch(rf"error: {reference}.*{words}.*\n", err)
    assert not hub.downloads()


@pytest.mark.parametrize("sizes", [{WEIGHTS: 1 << 33}, {HEADER: 1 << 21}, {"README.md": 1 << 21}, {WEIGHTS: None}])
def test_too_much_is_not_fetched(hub, published, sizes):
    hub.sizes |= sizes
    with pytest.raises(AvnetError, match="is not fetched"):
        locate("hf://user/model")
    assert not hub.downloads()


def test_too_many_files_and_names_that_lead_elsewhere_are_not_fetched(hub, published):
    repository, _ = published
    repository.commit(dict.fromkeys(("../up.json", "a/b/c/d.json", ".hidden.json", "x\\y.json"), b"{}"))
    locate("hf://user/model")
    assert hub.downloads() == {HEADER, WEIGHTS, "README.md"}
    repository.commit({f"{number}.json": b"{}" for number in range(300)})
    with pytest.raises(AvnetError, match="303 files of"):
        locate("hf://user/model")


def test_damaged_model_is_refused_when_it_is_opened(hub, published):
    repository, _ = published
    weights = bytearray(repository.commits[repository.branches["main"]][WEIGHTS])
    weights[-1] ^= 1
    repository.commit({WEIGHTS: bytes(weights)})
    with pytest.raises(AvnetError, match=f"{WEIGHTS}: is damaged"):
        avnet.load("hf://user/model")


def test_no_network_is_one_line(hub, model, monkeypatch, run):
    from huggingface_hub import constants  # pyright: ignore[reportMissingImports]

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    for command in (["info", "hf://user/model"], ["push", model, "hf://user/model"]):
        code, _, err = run(*command)
        assert code == 2 and re.fullmatch(r"error: hf://user/model: cannot be fetched or sent \(.*refused\)\n", err)


def test_without_network_by_choice_a_commit_of_the_cache_opens_alone(hub, published, monkeypatch, run):
    from huggingface_hub import constants  # pyright: ignore[reportMissingImports]

    source = locate("hf://user/model")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert locate(source.name) == source
    assert "HF_HUB_OFFLINE is set" in run("info", "hf://user/model")[2]


def test_model_that_is_pushed_comes_back_with_a_card_for_the_hub(hub, model, run, monkeypatch):
    code, _, err = run("push", model, "hf://user/new")
    assert code == 2 and "cannot be written without a token" in err and not hub.requests
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    (model / "notes.txt").write_text("mine")
    code, out, _ = run("push", model, "hf://user/new", "--license", "apache-2.0", "--private")
    repository = hub.repositories["user/new"]
    commit = repository.branches["main"]
    assert code == 0 and f"address: hf://user/new@{commit}" in out and repository.private
    files = repository.commits[commit]
    assert files.keys() == {".gitattributes", HEADER, WEIGHTS, "README.md"}
    card = files["README.md"].decode()
    assert card.startswith("---\nlicense: apache-2.0\nlibrary_name: avnet\ntags:\n- avnet\n") and card.endswith(CARD)
    assert avnet.load("hf://user/new").fingerprint == read_header(model, MODEL).fingerprint
    # What came from the Hub can go there again.
    assert run("push", "hf://user/new", "hf://user/copy")[0] == 0
    assert hub.repositories["user/copy"].commits[hub.repositories["user/copy"].branches["main"]] == files
    assert not hub.repositories["user/copy"].private


def test_text_describer_is_pushed_with_its_words_and_its_backbone(hub, run, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    save_text_describer(tmp_path / "words")
    assert run("push", tmp_path / "words", "hf://user/words")[0] == 0
    repository = hub.repositories["user/words"]
    files = repository.commits[repository.branches["main"]]
    assert {"words.json", "backbone/artifact.json", f"backbone/{WEIGHTS}"} <= files.keys()
    assert b"- text-describer\n" in files["README.md"]
    describer = avnet.load("hf://user/words")
    assert describer.vocabulary == ("", "a", "dog", "runs")
    code, out, _ = run("info", "hf://user/words")
    assert code == 0 and re.search(r"^words +3$", out, re.MULTILINE)


def test_pushes_that_cannot_be_are_refused_in_one_line(hub, published, model, run, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "another")
    code, _, err = run("push", model, "hf://user/new")
    assert code == 2 and "hf://user/new: is refused by the Hub (HTTP 401, " in err and err.count("\n") == 1
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert "is public" in run("push", model, "hf://user/model", "--private")[2]
    assert "no such revision" in run("push", model, "hf://user/model@branch")[2]
    assert "is no address on the Hub" in run("push", model, "user/model")[2]
    assert "does not exist" in run("push", model / "nowhere", "hf://user/model")[2]


def test_index_is_not_pushed_since_it_names_files_of_its_owner(hub, model, run, tmp_path, monkeypatch):
    from avnet.index.index import Index

    monkeypatch.setenv("HF_TOKEN", TOKEN)
    Index.create(tmp_path / "index", "model", 8).close()
    assert "does not go to the Hub" in run("push", tmp_path / "index", "hf://user/index")[2]
    assert not hub.requests


def test_command_in_a_process_of_its_own_takes_hf_endpoint(hub, published, tmp_path):
    _, commit = published
    environment = {**os.environ, "HF_ENDPOINT": hub.address, "HF_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-m", "avnet", "info", "hf://user/model"]
    process = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert process.returncode == 0 and process.stderr == "" and f"hf://user/model@{commit}" in process.stdout
