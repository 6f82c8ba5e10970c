"""A child of ``resonanz up`` ends when its parent does, however the parent ends."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import click

from resonanz_streams.logs import say

Command = TypeVar("Command", bound=Callable[..., Any])


def supervised(command: Command) -> Command:
    """Adds ``--supervised``: standard input is the parent's end of a pipe, and its end is ours."""

    @click.option("--supervised", "by_parent", is_flag=True, hidden=True)
    @wraps(command)
    def wrapped(*args: Any, by_parent: bool, **kwargs: Any) -> Any:
        if by_parent:
            threading.Thread(target=_end_with_parent, daemon=True).start()
        return command(*args, **kwargs)

    return wrapped  # type: ignore[return-value]  # click replaces the function anyway


def announce(sentence: str) -> None:
    """Tell a person; a parent says what there is to say of its children."""
    if not click.get_current_context().params.get("by_parent"):
        say(sentence)


def _end_with_parent() -> None:
    # The kernel closes the pipe even when the parent was killed.
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
