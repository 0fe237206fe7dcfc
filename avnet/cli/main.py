"""The command `avnet`: use a trained model on your own images, sounds and videos."""

from avnet.program.group import Program, run_group

PROGRAMS = {
    "localize": Program(
        "avnet.cli.localize:LocalizeConfig",
        "avnet.cli.localize:run",
        "Show where in a video or image the sound comes from, or that nothing in it makes the sound.",
    ),
    "index": Program(
        "avnet.cli.index:IndexConfig",
        "avnet.cli.index:run",
        "Index the frames and sounds of videos, images and sound files for `avnet search`.",
    ),
    "search": Program(
        "avnet.cli.search:SearchConfig",
        "avnet.cli.search:run",
        "Find sounds that go with an image, images that go with a sound, or both for a moment of a video.",
    ),
    "accelerate": Program(
        "avnet.cli.accelerate:AccelerateConfig",
        "avnet.cli.accelerate:run",
        "Speed up searches of a large index: most of the nearest entries are then found in a few milliseconds.",
    ),
    "compact-index": Program(
        "avnet.cli.compact_index:CompactIndexConfig",
        "avnet.cli.compact_index:run",
        "Put the small segments of an index together, so that it has fewer files and searches are faster.",
    ),
    "embed": Program(
        "avnet.cli.embed:EmbedConfig",
        "avnet.cli.embed:run",
        "Embed images, sounds and evenly spaced frames and clips of videos into one .npz file.",
    ),
    "describe": Program(
        "avnet.cli.describe:DescribeConfig",
        "avnet.cli.describe:run",
        "Describe images in speech or in words.",
    ),
    "tag": Program(
        "avnet.cli.tag:TagConfig",
        "avnet.cli.tag:run",
        "Name what images show, with a model of `python -m train tagger`.",
    ),
    "serve": Program(
        "avnet.cli.serve:ServeConfig",
        "avnet.cli.serve:run",
        "Serve a page on this machine: drop a video, an image or a sound, and see, hear, search, be told.",
    ),
    "export": Program(
        "avnet.cli.export:ExportConfig",
        "avnet.cli.export:run",
        "Export a model or a describer as files that run elsewhere: with JAX alone, on CPU, GPU or TPU, or as ONNX.",
    ),
    "export-index": Program(
        "avnet.cli.export_index:ExportIndexConfig",
        "avnet.cli.export_index:run",
        "Write all rows of an index into a file of Parquet or Arrow, for pandas, DuckDB, Polars and others.",
    ),
    "copy-index": Program(
        "avnet.cli.copy_index:CopyIndexConfig",
        "avnet.cli.copy_index:run",
        "Copy an index into LanceDB: in a folder or a bucket, for archives beyond one disk.",
    ),
    "push": Program(
        "avnet.cli.push:PushConfig",
        "avnet.cli.push:run",
        "Put a model on the Hugging Face Hub, with its card.",
    ),
    "info": Program(
        "avnet.cli.info:InfoConfig",
        "avnet.cli.info:run",
        "Show what is in a media file, or in a folder that avnet has written.",
    ),
}


def main(args: list[str] | None = None) -> None:
    """Runs the command that is named.

    Args:
        args: instead of the process's own.
    """
    run_group(
        "avnet",
        "Find what sounds in images and videos, search images by sounds and sounds by images, and describe images in"
        " speech.",
        PROGRAMS,
        args,
    )
