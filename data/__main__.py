"""`python -m data PROGRAM`: what makes corpora and looks after them."""

from avnet.program.group import Program, run_group

PROGRAMS = {
    "compose": Program(
        "data.clips.config:ComposeConfig",
        "data.clips.compose:compose",
        "Compose videos with known ground truth from your own images and sounds.",
    ),
    "stamps": Program(
        "data.clips.config:StampsConfig",
        "data.clips.stamps:stamps",
        "Compose videos with known ground truth from the Tux Paint stamps, or from drawn shapes without them.",
    ),
    "prepare": Program(
        "data.corpus.config:PrepareConfig",
        "data.corpus.prepare:prepare_and_summarize",
        "Turn videos into records that training and evaluation read.",
    ),
    "inspect": Program(
        "data.corpus.config:InspectConfig",
        "data.corpus.inspect:inspect",
        "Show what a folder of records holds: counts, minutes, rejects by reason, and a contact sheet.",
    ),
    "verify": Program(
        "data.corpus.config:VerifyConfig",
        "data.corpus.verify:verify",
        "Check that records are unchanged and complete, and that every frame and sound in them can be decoded.",
    ),
    "repair": Program(
        "data.corpus.config:RepairConfig",
        "data.corpus.repair:repair",
        "Rebuild lost or damaged shards from the original videos, byte for byte.",
    ),
    "stats": Program(
        "data.corpus.config:StatsConfig",
        "data.corpus.stats:stats",
        "Plot durations, loudness, motion and rejects of a folder of records.",
    ),
    "embed": Program(
        "data.archive.config:EmbedConfig",
        "data.archive.embed:embed",
        "Embed an archive into an index, by processes of this machine or by a runner of Apache Beam.",
    ),
    "speak": Program(
        "data.spoken.config:SpeakConfig",
        "data.spoken.speak:speak",
        "Turn images with written captions into a corpus of spoken descriptions, by speech synthesis.",
    ),
    "spoken": Program(
        "data.spoken.config:SpokenConfig",
        "data.spoken.pack:pack",
        "Pack images with spoken descriptions into a corpus for training.",
    ),
    "captions": Program(
        "data.captions.config:CaptionsConfig",
        "data.captions.pack:pack",
        "Pack images with captions that people wrote into a corpus for training.",
    ),
}


def main(arguments: list[str] | None = None) -> None:
    """Runs the program that is named.

    Args:
        arguments: of the command line; None takes the process's own.
    """
    run_group(
        "python -m data", "Make corpora of videos or of descriptions of images, and check them.", PROGRAMS, arguments
    )


if __name__ == "__main__":
    main()
