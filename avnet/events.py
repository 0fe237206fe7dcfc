"""How far a long task has come, and what it leaves out or does otherwise: told to whoever listens, never printed.

Whatever takes long has a parameter `on_event`. A command shows what it is told as a bar in the terminal, a web page may
draw another; by default nobody listens.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from avnet.errors import AvnetError

T = TypeVar("T")


@dataclass(frozen=True)
class Progress:
    """How far a task has come.

    Attributes:
        task: what is being done, as 'indexing'.
        count: items that are finished.
        total: items in all; 0 if there are none.
        unit: what one item is, in the plural.
    """

    task: str
    count: int
    total: int
    unit: str


@dataclass(frozen=True)
class LeftOut:
    """An input cannot be used, and the task goes on without it.

    Attributes:
        refusal: which, and why.
    """

    refusal: AvnetError


@dataclass(frozen=True)
class Notice:
    """Something went otherwise than wanted, and the task goes on with what it has.

    Attributes:
        text: what, and what was done about it, on one line.
    """

    text: str


Event = Progress | LeftOut | Notice
Listener = Callable[[Event], None]


def nobody(event: Event) -> None:
    """The listener that does nothing."""


def steps(items: Iterable[T], task: str, total: int, unit: str = "items", on_event: Listener = nobody) -> Iterator[T]:
    """Passes items through, and tells how many have passed.

    Args:
        items: anything iterable.
        task: what is being done.
        total: how many there will be.
        unit: what one item is, in the plural.
        on_event: is told before the first item and after each.
    """
    on_event(Progress(task, 0, total, unit))
    for count, item in enumerate(items, 1):
        yield item
        on_event(Progress(task, count, total, unit))
