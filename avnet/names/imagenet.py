"""ImageNet's 1,000 classes of ILSVRC 2012, in the order that all public classifiers share: by WordNet id.

A name is the first word of WordNet's synset. Where two classes have the same first word, one is told apart:
"crane bird" beside the machine, "maillot tank suit" beside the bathing suit.

Reference: Russakovsky et al., "ImageNet Large Scale Visual Recognition Challenge", 2015.
"""

from avnet.names.vocabulary import Vocabulary

IMAGENET = Vocabulary.read("imagenet.csv")
CLASSES, IDS = IMAGENET.classes, IMAGENET.ids
