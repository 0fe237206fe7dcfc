"""The clips of a published list: how many there are, of which classes and splits, and whose files are missing."""

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from avnet.files.whole import write_text
from avnet.program.output import output_folder
from data.corpus.labels import COLUMNS
from eval import report
from eval.datasets.config import DatasetConfig
from eval.readers.lists.audioset import read_class_names
from eval.readers.lists.clip import LabelledClip
from eval.readers.lists.listing import Listing, find_clips
from eval.readers.lists.registry import READERS
from eval.retrieval.ontology import read_ontology

NO_SPLIT = "without a split"
ALL = "all"


def dataset(config: DatasetConfig) -> None:
    """Runs the whole command.

    Raises:
        ConfigError: the folder for the results cannot be made.
        DataError: the list has another form, or there is none of its files.
    """
    reader = READERS[config.dataset]
    clips = reader.read(config.list_file)
    left_out = {"listed more than once": repeated(clips)}
    if config.class_names is not None:
        clips, left_out["ids without a name"] = name_classes(clips, config.class_names)
    listing = None if config.media is None else find_clips(clips, config.media, reader.spellings)
    counts = count_splits(clips, listing)
    classes = Counter(label for clip in clips for label in clip.labels)
    report.print_counts(f"{reader.title}, {config.list_file}", list(counts[ALL]), list(counts.items()))
    if classes:
        (most, largest), (least, smallest) = classes.most_common(1)[0], classes.most_common()[-1]
        print(f"classes: {len(classes)}, of {smallest} ({least}) to {largest} ({most}) clips")
    left_out["missing"] = [] if listing is None else [clip.name for clip in listing.missing]
    report.print_left_out(left_out)
    if config.out is not None:
        folder = output_folder(config.out)
        settings = {"dataset": config.dataset, "list": config.list_file, "media": config.media}
        results = {"splits": counts, "classes": dict(classes.most_common())}
        report.write_report(folder / "dataset.json", None, {}, settings, results, left_out)
        if listing is not None and config.media is not None:
            write_text(folder / "labels.csv", label_table(listing, config.media))
            write_text(folder / "missing.txt", "".join(f"{name}\n" for name in left_out["missing"]))


def repeated(clips: Sequence[LabelledClip]) -> list[str]:
    """Names of clips that are listed with the very same labels and times again."""
    return sorted({clip.name for clip, count in Counter(clips).items() if count > 1})


def name_classes(clips: Sequence[LabelledClip], path: Path) -> tuple[list[LabelledClip], list[str]]:
    """The clips with names in place of ids, and the ids that have none.

    Args:
        clips: of AudioSet.
        path: class_labels_indices.csv or ontology.json.

    Raises:
        DataError: the file is missing or has another form.
    """
    names = read_ontology(path).names if path.suffix.lower() == ".json" else read_class_names(path)
    strange = sorted({label for clip in clips for label in clip.labels} - names.keys())
    named = [replace(clip, labels=tuple(names.get(label, label) for label in clip.labels)) for clip in clips]
    return named, strange


def count_splits(clips: Sequence[LabelledClip], listing: Listing | None) -> dict[str, dict[str, int]]:
    """Split -> how many clips are listed and, where files were looked for, how many are there and are missing."""
    listed = Counter(clip.split or NO_SPLIT for clip in clips)
    missing = Counter(clip.split or NO_SPLIT for clip in listing.missing) if listing else Counter()
    counts = {}
    for split, count in [*sorted(listed.items()), (ALL, len(clips))]:
        lost = missing.total() if split == ALL else missing[split]
        counts[split] = {"listed": count, **({"there": count - lost, "missing": lost} if listing else {})}
    # One split is all of them.
    return {ALL: counts[ALL]} if list(listed) == [NO_SPLIT] else counts


def label_table(listing: Listing, media: Path) -> str:
    """A table of files, relative to their folder, and labels: a row for each label, an empty one for none."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    files = [(file.relative_to(media).as_posix(), clip.labels or ("",)) for clip, file in listing.files]
    table.writerows(sorted({(file, label) for file, labels in files for label in labels}))
    return text.getvalue()
