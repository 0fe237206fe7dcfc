"""From a frozen dataclass to a command line, by tyro: fields are options, their docstrings the help."""

import ast
import dataclasses
import inspect
import textwrap
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar, get_type_hints

import tyro
from tyro.constructors import ConstructorRegistry, StructConstructorSpec, StructFieldSpec, StructTypeInfo

Options = TypeVar("Options")

WIDTH = 80
# A path may be left out, but nobody types the word None; positional arguments show what they are, not their type.
MARKERS = (tyro.conf.DisallowNone, tyro.conf.PositionalMetavarFromFieldName)


def parse_options(
    prog: str, options: type[Options], args: list[str] | None = None, presets: Mapping[str, Any] | None = None
) -> Options:
    """Parses a command line, or prints the help and exits.

    Args:
        prog: name of the program for the help.
        options: a frozen dataclass; its docstring is the help.
        args: instead of the process's own.
        presets: values of fields that the command line does not offer.

    Raises:
        SystemExit: with code 0 after the help, 2 after a complaint on stderr.
    """
    registry = ConstructorRegistry()
    registry.struct_rule(lambda info: _dataclass_rule(info, (presets or {}) if info.type is options else {}))
    text = "\n\n".join(map(_paragraph, inspect.cleandoc(options.__doc__ or "").split("\n\n")))
    return tyro.cli(options, prog=prog, description=text, args=args, config=MARKERS, registry=registry)


def help_texts(options: type) -> dict[str, str]:
    """The docstring below each field of a dataclass and of those that it inherits from."""
    texts: dict[str, str] = {}
    for base in reversed([base for base in options.__mro__ if dataclasses.is_dataclass(base)]):
        # A string below a field is gone at run time, so it is read from the source.
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        assert isinstance(tree, ast.ClassDef)
        for field, text in zip(tree.body, tree.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr):
                texts[field.target.id] = " ".join(str(ast.literal_eval(text.value)).split())
    return texts


def _dataclass_rule(info: StructTypeInfo, presets: Mapping[str, Any]) -> StructConstructorSpec | None:
    """As tyro's own rule, without the fields that are preset and without `(default: None)` in the help."""
    if not (isinstance(info.type, type) and dataclasses.is_dataclass(info.type)):
        return None
    texts, kinds = help_texts(info.type), get_type_hints(info.type, include_extras=True)
    specs = []
    for field in dataclasses.fields(info.type):
        if field.name in presets:
            continue
        text, default = texts.get(field.name, ""), _default(field, info.default)
        kind: Any = kinds[field.name]
        if default is None or default == ():
            hint = "" if "default" in text.lower() else "(optional)"
            kind = Annotated[kind, tyro.conf.arg(help_behavior_hint=hint)]
        elif default is tyro.constructors.MISSING_NONPROP:
            # Of a tuple without a default tyro would say that its default is nothing.
            kind = Annotated[kind, tyro.conf.arg(help_behavior_hint="(required)")]
        specs.append(StructFieldSpec(field.name, kind, default, text))
    return StructConstructorSpec(lambda **values: info.type(**presets, **values), tuple(specs))


def _paragraph(text: str) -> str:
    """As wide as the boxes below it, which are tyro's."""
    return textwrap.fill(" ".join(text.split()), WIDTH, break_on_hyphens=False, break_long_words=False)


def _default(field: dataclasses.Field, parent: Any) -> Any:
    if dataclasses.is_dataclass(parent):
        return getattr(parent, field.name)
    if field.default is not dataclasses.MISSING:
        return field.default
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return tyro.constructors.MISSING_NONPROP
