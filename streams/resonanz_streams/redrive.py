"""``resonanz redrive``: dead letters that can be counted by now are published again.

A letter is sent to the topic that its header names, keyed by its account; only then a record in topic
``dead-letters`` says so, in its header ``redriven``. Killed in between, a letter is sent twice and still
counted once. Those that are still bad stay, and are looked at again the next time: the configuration may
have changed.
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field

from resonanz_streams.audit_counts import start_ms
from resonanz_streams.kpis.base import WINDOWS
from resonanz_streams.redrive_judge import Judge, Letter, Verdict
from resonanz_streams.redrive_notes import MOST, Place, is_note, note, noted
from resonanz_streams.topics import DEAD_LETTERS
from resonanz_streams.transports.ports import Archive, Outgoing, Publisher, Record


@dataclass
class Outcome:
    """``good``: letters that count now, of which ``late`` are older than every window. ``before``: those that
    were sent earlier. ``bad``: the others by today's reason, ``examples`` the first of each."""

    good: int = 0
    late: int = 0
    before: int = 0
    bad: Counter[str] = field(default_factory=Counter)
    examples: dict[str, tuple[Letter, Verdict]] = field(default_factory=dict)

    def note(self, letter: Letter, verdict: Verdict, floor_ms: int) -> None:
        """Count one."""
        if verdict.account is None:
            self.bad[verdict.reason] += 1
            self.examples.setdefault(verdict.reason, (letter, verdict))
        else:
            self.good += 1
            self.late += verdict.at_ms <= floor_ms


def late_before_ms(clock: str, now_ms: int) -> int:
    """Events up to here are older than every window; by the event clock only workers know."""
    return start_ms(WINDOWS[-1], now_ms) if clock == "wall" else 0


async def letters(archive: Archive, outcome: Outcome, reasons: Sequence[str] = ()) -> AsyncIterator[Letter]:
    """Those that were not sent yet; of these ``reasons`` if any are given."""
    ends = await archive.ends(DEAD_LETTERS)
    sent = await _sent(archive, ends.items())
    for number, end in ends.items():
        async for records in archive.records(DEAD_LETTERS, number, 0, end):
            for record in records:
                letter = _letter(record)
                if letter is None or (reasons and letter.reason not in reasons):
                    continue
                if letter.place in sent:
                    outcome.before += 1
                else:
                    yield letter


async def repaired(archive: Archive, outcome: Outcome, found: Iterable[Letter]) -> AsyncIterator[Letter]:
    """Those of a file that were not sent yet."""
    sent = await _sent(archive, (await archive.ends(DEAD_LETTERS)).items())
    for letter in found:
        if letter.place in sent:
            outcome.before += 1
        else:
            yield letter


async def _sent(archive: Archive, ends: Iterable[Place]) -> set[Place]:
    found: set[Place] = set()
    for number, end in ends:
        async for records in archive.records(DEAD_LETTERS, number, 0, end):
            for record in records:
                found |= noted(record)
    return found


def _letter(record: Record) -> Letter | None:
    headers = {name: value.decode(errors="replace") for name, value in record.headers}
    if "reason" not in headers or is_note(record):
        return None
    return Letter(
        (record.partition, record.offset),
        headers.get("topic", ""),
        headers["reason"],
        headers.get("error", ""),
        record.value or b"",
    )


class Sender:
    """Publishes good letters in batches, each durable before it is said so.

    Raises:
        RetryError: the broker is away; what was not said to be sent is sent again the next time.
    """

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._waiting: list[tuple[Letter, str]] = []

    def send(self, letter: Letter, account: str) -> None:
        """Publish one, perhaps later."""
        self._waiting.append((letter, account))
        if len(self._waiting) >= MOST:
            self.flush()

    def flush(self) -> None:
        """Publish what waits."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        self._publisher.publish(
            [Outgoing(letter.topic, account.encode(), letter.data) for letter, account in waiting]
        )
        self._publisher.flush()
        places = [letter.place for letter, _ in waiting if letter.place is not None]
        if places:
            self._publisher.publish([note(places)])
            self._publisher.flush()


async def redrive(
    found: AsyncIterator[Letter],
    judge: Judge,
    outcome: Outcome,
    *,
    floor_ms: int,
    sender: Sender | None,
    still_bad: Callable[[Letter, Verdict], None] = lambda _letter, _verdict: None,
) -> None:
    """Judge every letter, and send those that are good; without a sender they are only counted."""
    async for letter in found:
        verdict = judge.verdict(letter)
        outcome.note(letter, verdict, floor_ms)
        if verdict.account is None:
            still_bad(letter, verdict)
        elif sender is not None:
            sender.send(letter, verdict.account)
    if sender is not None:
        sender.flush()
