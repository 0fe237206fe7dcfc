"""Waiting for a page whose policy forbids what Playwright's own wait_for_function does."""

import time
from typing import Any


def until(page: Any, expression: str, seconds: float = 8.0) -> None:
    """Waits until an expression in JavaScript holds.

    Raises:
        AssertionError: it does not hold within the time.
    """
    end = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"never true: {expression}"
        page.wait_for_timeout(25)
