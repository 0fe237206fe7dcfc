"""The primitives of JAX that have a translation: those that captioners use."""

from avnet.export.jaxpr_onnx.contractions import CONTRACTIONS
from avnet.export.jaxpr_onnx.elementwise import ELEMENTWISE
from avnet.export.jaxpr_onnx.indexing import INDEXING
from avnet.export.jaxpr_onnx.shapes import SHAPES
from avnet.export.jaxpr_onnx.translation import Operator

OPERATORS: dict[str, Operator] = {**ELEMENTWISE, **SHAPES, **CONTRACTIONS, **INDEXING}
