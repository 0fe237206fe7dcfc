"""`python -m eval PROGRAM`: metrics and benchmarks, with their baselines."""

from avnet.program.group import Program, run_group

PROGRAMS = {
    "avc": Program(
        "eval.correspondence.config:AvcConfig",
        "eval.correspondence.avc:avc",
        "Measure how well a model tells matching pairs of image and sound from mismatched ones.",
    ),
    "retrieval": Program(
        "eval.retrieval.config:RetrievalConfig",
        "eval.retrieval.retrieval:retrieval",
        "Measure retrieval between images and sounds, among one frame and its sound of every video.",
    ),
    "localization": Program(
        "eval.localization.config:LocalizationConfig",
        "eval.localization.localization:localization",
        "Measure how well an AVOL-Net points at what sounds, and whether it stays dark when nothing does.",
    ),
    "audio-probe": Program(
        "eval.probe.config:AudioProbeConfig",
        "eval.probe.audio_probe:audio_probe",
        "Measure what a linear classifier tells of recordings by the vectors of an audio backbone or of a model.",
    ),
    "groups": Program(
        "eval.correspondence.config:GroupsConfig",
        "eval.correspondence.groups:groups",
        "List the groups that join classes of images with classes of sounds, and the classes that are in none.",
    ),
    "dataset": Program(
        "eval.datasets.config:DatasetConfig",
        "eval.datasets.dataset:dataset",
        "Count the clips that the list of a published dataset names, and name those whose files are missing.",
    ),
    "shortcut": Program(
        "eval.correspondence.config:ShortcutConfig",
        "eval.correspondence.shortcut:shortcut",
        "Compare two models, trained with and without snapping the sound of negatives to the frame grid.",
    ),
    "speech": Program(
        "eval.spoken.config:SpeechConfig",
        "eval.spoken.speech:speech",
        "Measure spoken descriptions by what a speech recognizer makes of them, beside baselines without a describer.",
    ),
    "captions": Program(
        "eval.captions.config:CaptionsConfig",
        "eval.captions.program:captions",
        "Compare written descriptions of held-out images, beside people and baselines without a captioner.",
    ),
    "units": Program(
        "eval.spoken.config:UnitsConfig",
        "eval.spoken.units:units",
        "Compare how speech units segment recordings, and how far they agree with phones.",
    ),
    "phones": Program(
        "eval.spoken.config:PhonesConfig",
        "eval.spoken.phones:phones",
        "Write the phones of a corpus that flite spoke, with their times, as strings of units.",
    ),
    "words": Program(
        "eval.spoken.config:WordsConfig",
        "eval.spoken.words:words",
        "Convert the texts of a spoken corpus to strings of words, for the text pipeline of `python -m eval speech`.",
    ),
    "tags": Program(
        "eval.tags.config:TagsConfig",
        "eval.tags.tags:tags",
        "Measure the tags of a tagger by the captions of images that it did not learn from.",
    ),
    "speed": Program(
        "eval.speed.config:SpeedConfig",
        "eval.speed.program:speed",
        "Measure the speed of training and use, beside PyTorch and the limit of the machine.",
    ),
    "plan": Program(
        "eval.plan.config:PlanConfig",
        "eval.plan.program:show_plan",
        "Calculate what an archive costs from measured rates: hours, disks, network, and where which limit lies.",
    ),
    "serve": Program(
        "eval.serving.config:ServeConfig",
        "eval.serving.serving:serve",
        "Measure how soon `avnet serve` answers, to one visitor and to many, and whether its memory stays as it is.",
    ),
    "decoding": Program(
        "eval.speed.config:DecodingConfig",
        "eval.speed.decoding:decoding",
        "Measure the CPU time of decoding frames at random times of a video, each with a second of sound.",
    ),
}


def main(arguments: list[str] | None = None) -> None:
    """Runs the program that the arguments name.

    Args:
        arguments: of the command line; None takes the process's own.
    """
    run_group(
        "python -m eval",
        "Measure models beside chance and trivial baselines, and the speed of the code.",
        PROGRAMS,
        arguments,
    )


if __name__ == "__main__":
    main()
