"""Progress bars on stderr, with rate and time left."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from avnet.events import Event, LeftOut, Listener, Notice, steps

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

T = TypeVar("T")


@contextmanager
def show_progress() -> Iterator[Listener]:
    """A listener that shows a bar for each task, and says on stderr what is left out or goes otherwise.

    Where stderr is not a terminal there are no bars.
    """
    with _bars() as bars:
        tasks: dict[str, TaskID] = {}

        def show(event: Event) -> None:
            if isinstance(event, LeftOut):
                bars.console.print(f"left out: {event.refusal}", markup=False, highlight=False, soft_wrap=True)
                return
            if isinstance(event, Notice):
                bars.console.print(event.text, markup=False, highlight=False, soft_wrap=True)
                return
            if event.task not in tasks or event.count == 0:
                tasks[event.task] = bars.add_task(event.task, total=event.total, unit=event.unit)
            bars.update(tasks[event.task], completed=event.count, total=event.total)

        yield show


def progress(items: Iterable[T], description: str, total: int, unit: str = "items") -> Iterator[T]:
    """Passes items through and shows how many have passed; silent where stderr is not a terminal.

    Args:
        items: anything iterable.
        description: what is being done.
        total: how many there will be.
        unit: what one item is, for the rate.
    """
    with show_progress() as on_event:
        yield from steps(items, description, total, unit, on_event)


def _bars() -> "Bars":
    # Here, since it takes a tenth of a second: help answers at once.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task) -> Text:
            return Text(f"{task.speed:.1f} {task.fields['unit']}/s" if task.speed else "")

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate(), TimeRemainingColumn())
    console = Console(file=sys.stderr)
    return Progress(*columns, console=console, disable=not console.is_terminal)
