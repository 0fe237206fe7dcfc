"""`python -m data compose`: videos with known truth from images and sounds of things.

The unit of work is a clip; a folder holds the clips of one configuration and one set of sources, and the same
command goes on where it was interrupted.
"""

import csv
import hashlib
import io
import itertools
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

from avnet.errors import DataError
from avnet.files.json_file import read_json
from avnet.files.tree import list_tree
from avnet.files.whole import write_text
from avnet.program.progress import progress
from avnet.workers.pool import spread
from data.clips.clip import Kind, Recipe, cast, make_clip
from data.clips.config import ClipConfig, ComposeConfig, ComposeOptions
from data.clips.sources import (
    IMAGES,
    ClassFiles,
    FileCheck,
    UnusedFile,
    check_file,
    divide,
    find_classes,
    usable,
)
from data.splits import SPLITS

PLAN = "compose.json"
LABELS = "labels.csv"
# Enough work for each hand-over to cost nothing beside it, little enough for all workers to end together.
CLIPS_PER_TASK = 8
FILES_PER_TASK = 16

T = TypeVar("T")


@dataclass(frozen=True)
class ComposeSummary:
    """What was composed; prints as the lines for a reader.

    Attributes:
        out: the folder.
        sizes: clips by split.
        kinds: clips by kind: on_screen, off_screen, silent.
        classes: how many.
        new: clips written now; the others were there already.
        seconds: that took, by the clock.
        unused: sources that are not used.
    """

    out: Path
    sizes: dict[str, int]
    kinds: Counter[Kind]
    classes: int
    new: int
    seconds: float
    unused: list[UnusedFile]

    def __str__(self):
        total = sum(self.sizes.values())
        lines = [
            f"{self.out}: {total} clips of {self.classes} classes "
            f"({', '.join(f'{n} {split}' for split, n in self.sizes.items())})",
            f"sound of something in the image {self.kinds['on_screen']}, of something else "
            f"{self.kinds['off_screen']}, none {self.kinds['silent']}",
            f"composed {self.new} in {self.seconds:.1f} s, {total - self.new} were there already",
            f"skipped {len(self.unused)} source files" + (f", all listed in {PLAN}:" if self.unused else ""),
        ]
        lines += [f"  {item.path}: {item.reason}" for item in self.unused[:10]]
        return "\n".join(lines)


def compose(config: ComposeConfig) -> ComposeSummary:
    """Runs the whole command and prints its summary.

    Raises:
        DataError: the source is no folder of classes, or `out` belongs to something else.
    """
    _check_out(config.out)
    classes, unused = find_classes(config.source)
    summary = compose_classes(classes, config, unused)
    print(summary)
    return summary


def compose_classes(
    classes: Mapping[str, ClassFiles], options: ComposeOptions, unused: Iterable[UnusedFile] = ()
) -> ComposeSummary:
    """Composes clips from classes of files, wherever these lie.

    Args:
        classes: the files of every class.
        options: what to compose.
        unused: sources that were left out before, for the list.

    Raises:
        DataError: a class has nothing to use, there are too few, or `options.out` belongs to something else.
    """
    began = monotonic()
    _check_out(options.out)
    if len(classes) <= options.distractors[0]:
        limits = f"{options.distractors[0]} distractors with {len(classes)} classes"
        raise DataError("--distractors", f"cannot have {limits}; add classes or lower it")
    photos, others = _background_photos(options.backgrounds)
    files = [path for item in classes.values() for path in item.images + item.sounds]
    checks = _check_files([*files, *photos], options.workers)
    classes, rest = usable(classes, checks)
    rest = [
        *unused,
        *rest,
        *others,
        *(UnusedFile(p, checks[p].reason) for p in photos if checks[p].reason),
    ]
    photos = [path for path in photos if not checks[path].reason]
    if options.backgrounds and not photos:
        raise DataError(options.backgrounds, "has no jpg or png photo that can be used as a background")
    recipe = _recipe(classes, photos, options)
    _claim(recipe, options, checks, rest)
    todo = [(split, index) for split, size in options.split_sizes().items() for index in range(size)]
    count = sum(progress(_make(recipe, todo, options.workers), "composing", len(todo), unit="clips"))
    kinds = _write_labels(recipe, todo)
    seconds = monotonic() - began
    return ComposeSummary(options.out, options.split_sizes(), kinds, len(classes), count, seconds, rest)


def _check_out(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise DataError(out, "is a file, not a folder to compose into")


def _background_photos(folder: Path | None) -> tuple[list[Path], list[UnusedFile]]:
    if folder is None:
        return [], []
    if not folder.is_dir():
        raise DataError(folder, "is not a folder of background photos")
    files = [path for path in list_tree(folder).files if path.is_file() and not path.name.startswith(".")]
    photos = [p for p in files if p.suffix.lower() in IMAGES]
    return photos, [UnusedFile(p, "is not a jpg or png photo") for p in files if p.suffix.lower() not in IMAGES]


def _recipe(classes: Mapping[str, ClassFiles], photos: list[Path], options: ComposeOptions) -> Recipe:
    parts: dict[str, dict[str, ClassFiles]] = {split: {} for split in SPLITS}
    for name, files in classes.items():
        images = divide(files.images, options.seed, options.holdout, f"{name} (images)")
        sounds = divide(files.sounds, options.seed, options.holdout, f"{name} (sounds)")
        for split in SPLITS:
            parts[split][name] = ClassFiles(images[split], sounds[split])
    behind: dict[str, tuple[Path, ...]] = dict.fromkeys(SPLITS, ())
    if photos:
        behind = divide(photos, options.seed, options.holdout, "backgrounds")
    clip = ClipConfig(**{name: getattr(options, name) for name in ClipConfig.__dataclass_fields__})
    return Recipe(clip, parts, behind, options.out)


def _claim(recipe: Recipe, options: ComposeOptions, checks: Mapping[Path, FileCheck], unused: list[UnusedFile]) -> None:
    """Marks the folder as this configuration's, or refuses a folder that is another's."""
    config = {**asdict(recipe.config), "clips": options.clips, "fractions": options.fractions}
    config |= {
        "holdout": options.holdout,
        "backgrounds": str(options.backgrounds) if options.backgrounds else None,
    }
    sources: dict[str, dict[str, Any]] = {}
    for split in SPLITS:
        sources[split] = {name: _names(files) for name, files in recipe.classes[split].items()}
        if recipe.backgrounds[split]:
            sources[split][""] = {"backgrounds": [path.name for path in recipe.backgrounds[split]]}
    in_use = {path for split in SPLITS for path in recipe.backgrounds[split]}
    for files in (item for split in SPLITS for item in recipe.classes[split].values()):
        in_use |= {*files.images, *files.sounds}
    # By content: the same sources elsewhere, or copied anew, go on where these were interrupted.
    content = json.dumps([config, sources, sorted((path.name, checks[path].digest) for path in in_use)])
    fingerprint = hashlib.sha256(content.encode()).hexdigest()
    file = options.out / PLAN
    if file.exists():
        if _read_fingerprint(file) != fingerprint:
            raise DataError(options.out, "holds clips of other sources or options; choose another --out")
    # Hidden folders do not count: drawn shapes lie in .sources.
    elif options.out.exists() and any(not p.name.startswith(".") for p in options.out.iterdir()):
        raise DataError(options.out, "is not empty and not a folder of composed clips; choose another --out")
    else:
        plan = {"fingerprint": fingerprint, "config": config, "classes": sorted(recipe.classes["train"])}
        plan |= {"sources": sources, "skipped": [[str(item.path), item.reason] for item in unused]}
        try:
            for split in SPLITS:
                (options.out / split).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(options.out, f"cannot be written ({error.strerror})") from None
        write_text(file, json.dumps(plan, indent=1, ensure_ascii=False) + "\n", own=True)


def _names(files: ClassFiles) -> dict[str, list[str]]:
    images, sounds = ([path.name for path in paths] for paths in (files.images, files.sounds))
    return {"images": images, "sounds": sounds}


def _read_fingerprint(file: Path) -> str:
    try:
        return str(read_json(file)["fingerprint"])
    except (OSError, ValueError, KeyError, TypeError):
        raise DataError(file, "is damaged; delete the folder or choose another --out") from None


def _check_files(paths: list[Path], workers: int) -> dict[Path, FileCheck]:
    paths = list(dict.fromkeys(paths))
    parts = spread(_check_all, _chunks(paths, FILES_PER_TASK), workers)
    outcomes = itertools.chain.from_iterable(parts)
    return {item.path: item for item in progress(outcomes, "checking sources", len(paths), unit="files")}


def _check_all(paths: list[Path]) -> list[FileCheck]:
    return [check_file(path) for path in paths]


@dataclass(frozen=True)
class _Task:
    recipe: Recipe
    clips: list[tuple[str, int]]


def _make(recipe: Recipe, clips: list[tuple[str, int]], workers: int) -> Iterator[bool]:
    tasks = [_Task(recipe, part) for part in _chunks(clips, CLIPS_PER_TASK)]
    return itertools.chain.from_iterable(spread(_make_all, tasks, workers))


def _make_all(task: _Task) -> list[bool]:
    return [make_clip(task.recipe, split, index) for split, index in task.clips]


def _chunks(items: list[T], size: int) -> list[list[T]]:
    return [items[i : i + size] for i in range(0, len(items), size)]


def _write_labels(recipe: Recipe, clips: list[tuple[str, int]]) -> Counter[Kind]:
    kinds: Counter[Kind] = Counter()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["file", "label"])
    for split, index in clips:
        # Decided anew instead of read back: what a clip is follows from the recipe alone.
        kind, name = cast(recipe, split, index)
        kinds[kind] += 1
        # Of a silent clip no class is heard, whatever is seen.
        writer.writerow([f"{split}/{recipe.file(split, index).name}", "" if kind == "silent" else name])
    write_text(recipe.out / LABELS, text.getvalue(), own=True)
    return kinds
