import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from avnet.files.artifact import HEADER
from avnet.files.tree import MARKS
from data.clips.compose import PLAN as CLIPS
from data.corpus.corpus import PLAN as RECORDS
from data.images.corpus import LISTING
from data.spoken.strings import FACTS
from train.engine.run_folder import RUN

ROOT = Path(__file__).parents[2]
LAYERS = ("avnet", "data", "eval", "train")
FILES = {layer: sorted((ROOT / layer).rglob("*.py")) for layer in LAYERS}
MODULE_NAME = r"\w+(\.\w+)+(:\w+)?"
HEAVY = ("torch", "tensorflow", "apache_beam", "fastapi", "uvicorn", "orbax", "grain")


def imports_of(file: Path) -> set[str]:
    """Top-level names that a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_imports_only_those_to_its_left(layer):
    to_its_right = set(LAYERS[LAYERS.index(layer) + 1 :])
    files = sorted((ROOT / layer).rglob("*.py"))
    assert files
    wrong = {str(file.relative_to(ROOT)): sorted(imports_of(file) & to_its_right) for file in files}
    assert not {file: names for file, names in wrong.items() if names}


def strings_of(file: Path) -> set[str]:
    """Modules of ours that a file names in strings, as `module` or `module:name`, as importing by name would."""
    strings = [node.value for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Constant)]
    module_names = {
        text.partition(":")[0] for text in strings if isinstance(text, str) and re.fullmatch(MODULE_NAME, text)
    }
    return {name for name in module_names if (ROOT / name.replace(".", "/")).with_suffix(".py").is_file()}


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_names_no_module_to_its_right_in_a_string(layer):
    to_its_right = set(LAYERS[LAYERS.index(layer) + 1 :])
    wrong = {file: {name for name in strings_of(file) if name.split(".")[0] in to_its_right} for file in FILES[layer]}
    assert not {file: names for file, names in wrong.items() if names}


def test_modules_that_strings_name_are_found(tmp_path):
    (tmp_path / "x.py").write_text(
        'run("-m", "train.__main__"); "eval.report:percent"; "train.no_such_module"; "train"'
    )
    assert strings_of(tmp_path / "x.py") == {"train.__main__", "eval.report"}


def test_importing_avnet_is_quick_and_light():
    script = f"""
import sys, time
began = time.perf_counter()
import avnet
print(time.perf_counter() - began)
print([name for name in {HEAVY} if name in sys.modules])
avnet.Model, avnet.Index, avnet.load
print([name for name in {HEAVY[:5]} if name in sys.modules])
"""
    process = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    seconds, at_once, in_use = process.stdout.splitlines()
    assert float(seconds) <= 1.5
    assert at_once == in_use == "[]"


def test_no_test_folder_or_program_folder_is_cluttered():
    assert not (ROOT / "tests" / "__init__.py").exists()
    for layer in LAYERS:
        assert (ROOT / layer / "__init__.py").is_file()


def test_no_file_is_longer_than_400_lines():
    files = [file for layer in LAYERS for file in (ROOT / layer).rglob("*.py")]
    assert not [file for file in files if len(file.read_text().splitlines()) > 400]


def test_nobody_sets_the_level_of_ffmpeg_logs():
    # With decoding threads that call deadlocks for good.
    files = [file for layer in LAYERS for file in (ROOT / layer).rglob("*.py")]
    assert not [file for file in files if "logging.set_level" in file.read_text()]


def test_every_open_of_a_container_is_in_a_with():
    for file in (file for layer in LAYERS for file in (ROOT / layer).rglob("*.py")):
        tree = ast.parse(file.read_text())
        contexts = [item.context_expr for node in ast.walk(tree) if isinstance(node, ast.With) for item in node.items]
        opens = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "av.open"]
        assert all(call in contexts for call in opens), file


def modules(file: Path) -> set[str]:
    """Full names of what a file imports, with the names taken from modules, which may be modules too."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("layer", ["avnet", "data", "train"])
def test_only_evaluation_and_written_captions_import_the_texts_of_spoken_descriptions(layer):
    texts = "data.spoken.readers.texts"
    assert (ROOT / f"{texts.replace('.', '/')}.py").is_file()
    users = [file for file in (ROOT / layer).rglob("*.py") if texts in modules(file)]
    assert all(file.is_relative_to(ROOT / "data" / "captions") for file in users)


@pytest.mark.parametrize("room", ["data/spoken", "train/speech_space", "train/units"])
def test_what_learns_speech_reads_no_written_captions(room):
    files = list((ROOT / room).rglob("*.py"))
    assert files and not [file for file in files if any(name.startswith("data.captions") for name in modules(file))]


def reach(module: str) -> set[str]:
    """Our modules that a module imports, and those that these import, anywhere in them."""
    seen, ahead = set(), {module}
    while ahead:
        name = ahead.pop()
        file = (ROOT / name.replace(".", "/")).with_suffix(".py")
        if name not in seen and file.is_file():
            seen.add(name)
            ahead |= modules(file)
    return seen


WRITTEN = ("data.captions", "data.spoken.readers.texts", "train.captioner.words", "avnet.units.words")


@pytest.mark.parametrize(
    "program",
    [
        "train.captioner.describer",
        "train.cluster_gen.program",
        "train.frame_model.program",
        "train.speech_space.program",
        "train.tacotron2.program",
        "train.units.program",
        "train.vocoder.program",
        "train.waveglow.program",
        "train.wavenet_vq.program",
    ],
)
def test_what_trains_speech_reaches_nothing_that_people_wrote(program):
    modules_reached = reach(program)
    assert {"data.spoken.corpus", "train.engine.loop"} & modules_reached
    assert not [name for name in modules_reached if f"{name}.".startswith(tuple(f"{one}." for one in WRITTEN))]


def test_what_trains_a_captioner_over_words_reaches_captions():
    assert {"data.captions.corpus", "avnet.units.words"} <= reach("train.captioner.words")


# Each stands above all others in avnet: what a command does, a web page and a notebook do too.
FACES = ("cli", "program", "web")
BESIDE_FACES = [file for file in FILES["avnet"] if file.relative_to(ROOT).parts[1] not in FACES]


def test_apps_and_all_below_them_know_no_terminal_and_no_server():
    assert ROOT / "avnet" / "apps" / "localize.py" in BESIDE_FACES
    assert not [str(file) for file in BESIDE_FACES if {"tyro", "rich", "fastapi", "uvicorn"} & imports_of(file)]
    assert not [str(file) for file in BESIDE_FACES if any("avnet.program." in f"{name}." for name in modules(file))]


def test_apps_and_all_below_them_print_nothing():
    calls = {
        (str(file.relative_to(ROOT)), ast.unparse(node.func))
        for file in BESIDE_FACES
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call)
    }
    assert not {(file, call) for file, call in calls if call in ("print", "sys.stdout.write", "sys.stderr.write")}


def test_nobody_but_the_module_that_runs_it_imports_the_command():
    inside = ROOT / "avnet" / "cli"
    files = [file for layer in LAYERS for file in FILES[layer] if not file.is_relative_to(inside)]
    users = [
        file for file in files if any(f"{name}.".startswith("avnet.cli.") for name in modules(file) | strings_of(file))
    ]
    assert users == [ROOT / "avnet" / "__main__.py"]


def test_every_folder_of_a_program_is_known_by_its_mark():
    assert {HEADER, RECORDS, CLIPS, RUN, LISTING, FACTS} == MARKS
