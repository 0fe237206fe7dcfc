"""`python -m train PROGRAM`: everything that is trained, and weights from and to PyTorch."""

from avnet.program.group import Program, run_group

_NETWORK = ("train.correspondence.config:TrainConfig", "train.correspondence.program:train_and_print")

PROGRAMS = {
    "ave": Program(*_NETWORK, "Train AVE-Net, which embeds images and sounds for search.", {"network": "ave"}),
    "avol": Program(*_NETWORK, "Train AVOL-Net, which localizes sounds in images.", {"network": "avol"}),
    "l3": Program(*_NETWORK, "Train L3-Net, the predecessor of AVE-Net and AVOL-Net.", {"network": "l3"}),
    "joint": Program(*_NETWORK, "Train one network for search and heatmaps, on two classifiers.", {"network": "joint"}),
    "speech": Program(
        "train.speech_space.config:SpeechConfig",
        "train.speech_space.program:speech",
        "Train a speech space, in which an image lies near its spoken descriptions.",
    ),
    "units": Program(
        "train.units.config:UnitsConfig",
        "train.units.program:units",
        "Learn speech units from recordings, without any text.",
    ),
    "wavenet-vq": Program(
        "train.wavenet_vq.config:WaveNetVQTrainConfig",
        "train.wavenet_vq.program:wavenet_vq",
        "Learn speech units from which a network must say the speech again (WaveNet-VQ), without any text.",
    ),
    "describer": Program(
        "train.captioner.config:DescribeTrainConfig",
        "train.captioner.describer:describer",
        "Train a describer, which describes images in speech units, without any text.",
    ),
    "captioner": Program(
        "train.captioner.config:CaptionTrainConfig",
        "train.captioner.words:captioner",
        "Train a captioner that writes, from images with captions that people wrote.",
    ),
    "tagger": Program(
        "train.tagger.config:TaggerTrainConfig",
        "train.tagger.program:tagger",
        "Train a tagger, which names what images show in words that their captions say.",
    ),
    "vocoder": Program(
        "train.vocoder.config:VocoderTrainConfig",
        "train.vocoder.program:vocoder",
        "Train a vocoder, which turns speech units into speech, from recordings of one speaker.",
    ),
    "voice": Program(
        "train.frame_model.config:VoiceTrainConfig",
        "train.frame_model.program:voice",
        "Train a voice without a corpus beside it, which says speech units, from recordings of one speaker.",
    ),
    "tacotron2": Program(
        "train.tacotron2.config:Tacotron2TrainConfig",
        "train.tacotron2.program:tacotron2",
        "Train a Tacotron 2, a voice that says speech units by attention, from recordings of one speaker.",
    ),
    "waveglow": Program(
        "train.waveglow.config:WaveGlowTrainConfig",
        "train.waveglow.program:waveglow",
        "Train WaveGlow, which turns mel spectra into speech, from recordings.",
    ),
    "cluster-gen": Program(
        "train.cluster_gen.config:ClusterGenConfig",
        "train.cluster_gen.program:cluster_gen",
        "Learn a voice of trees, which says speech units, from recordings of one speaker.",
    ),
    "show-and-speak": Program(
        "train.show_and_speak.config:ShowAndSpeakTrainConfig",
        "train.show_and_speak.program:show_and_speak",
        "Train a Show and Speak, a baseline that makes spectra of images without units in between.",
    ),
    "compact": Program(
        "train.compact.config:CompactConfig",
        "train.compact.program:compact",
        "Make a describer small: weights in fewer bits, a smaller voice, a shorter memory.",
    ),
    "imagenet": Program(
        "train.convert.config:ImagenetConfig",
        "train.convert.imagenet:imagenet",
        "Convert ImageNet weights of PyTorch to a backbone.",
    ),
    "vit": Program(
        "train.convert.config:VitConversionConfig",
        "train.convert.vit:vit",
        "Convert the published weights of a vision transformer (DINOv2, CLIP, MAE) to a backbone.",
    ),
    "yamnet": Program(
        "train.convert.config:YamnetConfig",
        "train.convert.yamnet:yamnet",
        "Convert the public weights of YAMNet to an audio backbone.",
    ),
    "ast": Program(
        "train.convert.config:AstConversionConfig",
        "train.convert.ast:ast",
        "Convert the published weights of a transformer over spectrograms (AST, CAV-MAE) to an audio backbone.",
    ),
    "zero-shot": Program(
        "train.convert.config:ZeroShotConfig",
        "train.convert.zero_shot:zero_shot",
        "Put two classifiers together to a model that localizes what both have a name for, without training.",
    ),
    "from-torch": Program(
        "train.convert.config:FromTorchConfig",
        "train.convert.torch_bridge:from_torch",
        "Convert a PyTorch checkpoint of a network of correspondence to a model.",
    ),
    "to-torch": Program(
        "train.convert.config:ToTorchConfig",
        "train.convert.torch_bridge:to_torch",
        "Convert a model to a state dict of PyTorch.",
    ),
    "demo": Program(
        "train.demo.config:DemoConfig",
        "train.demo.program:demo_and_print",
        "Localize, search and describe with the model that comes with avnet, and adapt it, all on one page.",
    ),
    "demo-scratch": Program(
        "train.demo.config:ScratchDemoConfig",
        "train.demo.scratch:demo_and_print",
        "Compose videos, train on them from nothing, measure, localize, search and describe, all on one page.",
    ),
    "pace": Program(
        "eval.speed.config:PaceConfig",
        "train.correspondence.pace:pace",
        "Measure the speed of training steps on request, as `python -m eval speed` does.",
    ),
}


def main(arguments: list[str] | None = None) -> None:
    """Runs the program that the arguments name.

    Args:
        arguments: of the command line; None takes the process's own.
    """
    run_group(
        "python -m train", "Train networks on videos or spoken descriptions, and convert weights.", PROGRAMS, arguments
    )


if __name__ == "__main__":
    main()
