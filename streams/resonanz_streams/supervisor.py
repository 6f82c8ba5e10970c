"""Keeps the parts of ``resonanz up`` running: starts them, restarts what dies, ends them in order."""

import asyncio
import contextlib
import os
import signal
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 30.0
STEADY_SECONDS: Final = 60.0
"""A part that has run for so long begins with the shortest pause again."""

GOODBYE_SECONDS: Final = 15.0
_POLL_SECONDS: Final = 0.1

Say = Callable[[str], None]


@dataclass(slots=True)
class Part:
    """One child process. ``arguments`` are those of ``resonanz``; ``health`` is the URL that answers 200
    once it has started (None: it has when it lives for ``grace_seconds``). ``ends``: exit code 0 means that
    its work is done, until ``wake`` is set; else it is a death like any other. ``asleep``: it has no work
    yet."""

    name: str
    arguments: Sequence[str]
    health: str | None = None
    grace_seconds: float = 2.0
    ends: bool = False
    asleep: bool = False
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    started: asyncio.Event = field(default_factory=asyncio.Event)
    process: asyncio.subprocess.Process | None = None


class Supervisor:
    """Runs ``parts``. ``say`` gets a sentence for a person whenever something happens to one.

    A part that fails before it has ever started takes all others with it: its error stands on standard
    error, and trying again would only repeat it. One that dies later is started again, with a pause that
    doubles.
    """

    def __init__(self, parts: Sequence[Part], say: Say) -> None:
        self._parts = parts
        self._say = say
        self._stopping = asyncio.Event()
        self._exit_code = 0

    def stop(self) -> None:
        """End all parts, the first ones first. Asked a second time, they are killed."""
        if self._stopping.is_set():
            for part in self._parts:
                _signal(part, signal.SIGKILL)
        self._stopping.set()

    async def started(self) -> bool:
        """Wait until all parts have started; False if they never will."""
        for part in self._parts:
            await self._either(part.started)
        return not self._stopping.is_set()

    async def _either(self, event: asyncio.Event) -> None:
        """Until it is set, or all are to stop."""
        tasks = [asyncio.create_task(one.wait()) for one in (event, self._stopping)]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()

    async def run(self) -> int:
        """Until :meth:`stop`, or until a part cannot be started; returns the exit code."""
        keepers = [asyncio.create_task(self._keep(part)) for part in self._parts]
        await self._stopping.wait()
        # The first ones first: the connectors, so that the worker counts their last words.
        for part, keeper in zip(self._parts, keepers, strict=True):
            await self._end(part)
            await keeper
        return self._exit_code

    async def _keep(self, part: Part) -> None:
        pause = FIRST_PAUSE_SECONDS
        while not self._stopping.is_set():
            if part.asleep:
                part.started.set()
                await self._either(part.wake)
                part.asleep = False
                continue
            part.wake.clear()
            began = time.monotonic()
            code = await self._live(part)
            if self._stopping.is_set():
                return
            if code == 0 and part.ends:
                part.started.set()  # it may have taken less than its grace time
                self._say(f"{part.name} has ended: its work is done.")
                part.asleep = True
                continue
            if not part.started.is_set():
                self._exit_code = code if code in {1, 2} else 1
                self._stopping.set()
                return
            if time.monotonic() - began > STEADY_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            self._say(f"{part.name} died ({_reason(code)}); it starts again in {pause:.0f} s.")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
            pause = min(LONGEST_PAUSE_SECONDS, pause * 2)

    async def _live(self, part: Part) -> int:
        # A session of its own: Ctrl-C reaches the parent alone, which ends the parts in order.
        process = part.process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "resonanz_streams",
            *part.arguments,
            "--supervised",
            stdin=asyncio.subprocess.PIPE,
            stdout=sys.stderr,
            start_new_session=True,
        )
        if self._stopping.is_set():
            # Asked to stop while it was being started: the end of the parts has passed it by.
            _signal(part, signal.SIGTERM)
        watching = asyncio.create_task(_watch(part))
        try:
            return await process.wait()
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def _end(self, part: Part) -> None:
        if part.process is None:
            return
        _signal(part, signal.SIGTERM)
        try:
            await asyncio.wait_for(part.process.wait(), GOODBYE_SECONDS)
        except TimeoutError:
            self._say(f"{part.name} does not end; it is killed. What it had not written is read again.")
            _signal(part, signal.SIGKILL)
            await part.process.wait()


async def _watch(part: Part) -> None:
    await asyncio.sleep(_POLL_SECONDS if part.health else part.grace_seconds)
    while part.health and not await asyncio.to_thread(_answers, part.health):  # noqa: ASYNC110  # it is a process
        await asyncio.sleep(_POLL_SECONDS)
    part.started.set()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310  # a loopback URL of our own
            return bool(answer.status == 200)
    except OSError:
        return False


def _signal(part: Part, number: signal.Signals) -> None:
    if part.process is not None and part.process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(part.process.pid, number)


def _reason(code: int) -> str:
    if code < 0:
        return f"by {signal.Signals(-code).name}"
    return f"exit code {code}"
