"""The kinds of folders that avnet writes, and the class that opens each: the one list of them."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from avnet.errors import AvnetError, IndexFolderError, ModelFolderError


@dataclass(frozen=True)
class Kind:
    """A kind of folder.

    Attributes:
        name: in `artifact.json`.
        title: in refusals, with its article.
        home: module and class, imported when a folder is opened.
        version: of the layout that is written and read.
        again: what to do with a folder of an earlier version.
        refusal: class of the errors that refuse such a folder.
    """

    name: str
    title: str
    home: str
    version: int = 2
    again: str = "train it again"
    refusal: type[AvnetError] = ModelFolderError

    @property
    def type(self) -> Any:
        """The class; `avnet.files.artifact.Artifact` says what it can do."""
        module, name = self.home.split(":")
        return getattr(import_module(module), name)


MODEL = Kind("model", "a model", "avnet.correspondence.model:Model")
BACKBONE = Kind("backbone", "a backbone", "avnet.backbones.backbone:Backbone", again="convert it again")
AUDIO_BACKBONE = Kind(
    "audio backbone", "an audio backbone", "avnet.backbones.audio.backbone:AudioBackbone", again="convert it again"
)

UNITS = Kind("units", "a set of units", "avnet.units.kmeans:KMeansUnits")
LEXICON = Kind("lexicon", "a lexicon of units", "avnet.units.lexicon:LexicalUnits")
WAVENET_VQ = Kind("wavenet-vq", "a WaveNet-VQ", "avnet.units.wavenet_vq.units:WaveNetVQUnits")
SPACE = Kind("space", "a speech space", "avnet.speech_space.space:SpeechSpace")
VOCODER = Kind("vocoder", "a vocoder", "avnet.synthesizers.vocos:Vocos")
FRAME_MODEL = Kind("frame model", "a frame model", "avnet.synthesizers.frame_model.voice:FrameVoice")
TACOTRON2 = Kind("tacotron2", "a Tacotron 2", "avnet.synthesizers.tacotron2.voice:TacotronVoice")
WAVEGLOW = Kind("waveglow", "a WaveGlow", "avnet.synthesizers.waveglow.vocoder:WaveGlow")
ACOUSTICS = Kind("acoustics", "a table of acoustics", "avnet.synthesizers.mel.acoustics:UnitAcoustics")
VOICE = Kind("voice", "a voice", "avnet.synthesizers.selection.voice:Voice")
CLUSTER_GEN = Kind("cluster-gen", "a voice of trees", "avnet.synthesizers.cluster_gen.voice:ClusterVoice")
DESCRIBER = Kind("describer", "a describer", "avnet.describer.describer:Describer", version=4)
TEXT_DESCRIBER = Kind("text describer", "a text describer", "avnet.describer.text_describer:TextDescriber", version=3)
SHOW_AND_SPEAK = Kind("show and speak", "a Show and Speak", "avnet.describer.show_and_speak.describer:DirectDescriber")
TAGGER = Kind("tagger", "a tagger", "avnet.tagger.tagger:Tagger")
INDEX = Kind("index", "an index", "avnet.index.index:Index", again="index the files again", refusal=IndexFolderError)
EXPORT = Kind("export", "an exported model", "avnet.export.exported:Exported", again="export it again")
EXPORTED_CAPTIONER = Kind(
    "exported captioner",
    "an exported captioner",
    "avnet.export.captioner.exported:ExportedCaptioner",
    version=3,
    again="export it again",
)

# By name; version 1 of each had other files (`config.json` and weights), and no common header.
_ALL = (
    *(MODEL, BACKBONE, AUDIO_BACKBONE, UNITS, LEXICON, WAVENET_VQ, SPACE),
    *(VOCODER, FRAME_MODEL, CLUSTER_GEN, TACOTRON2, WAVEGLOW, ACOUSTICS, VOICE),
    *(DESCRIBER, TEXT_DESCRIBER, SHOW_AND_SPEAK, TAGGER, INDEX, EXPORT, EXPORTED_CAPTIONER),
)
KINDS = {kind.name: kind for kind in _ALL}
