"""Work spread over threads: for what waits for a decoder or another program."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from avnet.workers.cores import available_cores

Task = TypeVar("Task")
Result = TypeVar("Result")
# Tasks a thread may be ahead of who takes the results; memory stays small.
AHEAD = 4


def in_order(function: Callable[[Task], Result], tasks: Iterable[Task], workers: int = 0) -> Iterator[Result]:
    """Yields the results of all tasks in the order of the tasks, whatever finishes first.

    Whatever ends the loop early, Ctrl-C too, ends it after the tasks that have begun.

    Args:
        function: what to do with each.
        tasks: taken as they are needed.
        workers: threads; 0 takes as many as there are cores to use.
    """
    workers = workers or available_cores()
    pool = ThreadPoolExecutor(workers)
    waiting: deque[Future[Result]] = deque()
    try:
        for task in tasks:
            waiting.append(pool.submit(function, task))
            if len(waiting) >= AHEAD * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
