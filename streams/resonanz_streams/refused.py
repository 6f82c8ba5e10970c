"""What workers refused when they read it, as topic ``dead-letters`` tells."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest

from resonanz_streams.redrive_notes import Place as Where
from resonanz_streams.redrive_notes import noted
from resonanz_streams.topics import DEAD_LETTERS
from resonanz_streams.transports.ports import Archive, Record, Run

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Place = tuple[str, int]
"""Topic and partition."""

_MOST_DIGITS: Final = 18
_QUARANTINED: Final = b"quarantined"


class Letters:
    """The lines that workers have refused, known by where they stood and by their bytes.

    Those that were quarantined crash an engine: nobody counts them, whatever the configuration says.
    """

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._positions: dict[int, int] = {}
        self._lines: dict[Place, dict[int, dict[int, list[Where]]]] = defaultdict(dict)
        self._sent: set[Where] = set()
        self._quarantined: dict[Place, dict[int, set[int]]] = defaultdict(dict)
        self._sorted: dict[Place, Ints] = {}

    async def catch_up(self) -> None:
        """Read what has been added since the last call."""
        for number, end in (await self._archive.ends(DEAD_LETTERS)).items():
            start = self._positions.get(number, 0)
            async for records in self._archive.records(DEAD_LETTERS, number, start, end):
                for record in records:
                    self._take(record)
            self._positions[number] = end
        self._sorted.clear()

    def _take(self, record: Record) -> None:
        self._sent |= noted(record)
        headers = dict(record.headers)
        topic = headers.get("topic", b"").decode(errors="replace")
        number, offset = _number(headers.get("partition")), _number(headers.get("offset"))
        if number is not None and offset is not None:
            line = xxh3_64_intdigest(record.value or b"")
            of_line = self._lines[topic, number].setdefault(offset, {}).setdefault(line, [])
            of_line.append((record.partition, record.offset))
            if headers.get("reason") == _QUARANTINED:
                self._quarantined[topic, number].setdefault(offset, set()).add(line)

    def refused(self, run: Run, offsets: Ints, line_at: Callable[[int], bytes]) -> Flags:
        """Which of a run's events are among them. ``line_at(i)``: the line of the i-th event."""
        place = run.topic, run.partition
        found = np.zeros(len(offsets), dtype=np.bool_)
        lines = self._lines.get(place)
        if not lines:
            return found
        if place not in self._sorted:
            self._sorted[place] = np.array(sorted(lines), dtype=np.int64)
        known = self._sorted[place]
        spots = np.minimum(np.searchsorted(known, offsets), len(known) - 1)
        for event in np.flatnonzero(known[spots] == offsets).tolist():
            found[event] = xxh3_64_intdigest(line_at(event)) in lines[int(offsets[event])]
        return found

    def sent(self, run: Run, offset: int, line: bytes) -> bool:
        """Whether redrive has published this line again."""
        lines = self._lines.get((run.topic, run.partition), {}).get(offset, {})
        return any(place in self._sent for place in lines.get(xxh3_64_intdigest(line), ()))

    def quarantined(self, run: Run, offset: int, line: bytes) -> bool:
        """Whether this line was."""
        lines = self._quarantined.get((run.topic, run.partition), {})
        return xxh3_64_intdigest(line) in lines.get(offset, ())

    def without_quarantined(self, run: Run) -> Run:
        """The run without these lines; its offsets stay."""
        lines = self._quarantined.get((run.topic, run.partition), {})
        if not any(offset in lines for offset in run.offsets):
            return run
        values = [
            b"\n".join(
                line for line in value.split(b"\n") if xxh3_64_intdigest(line) not in lines.get(offset, ())
            )
            for offset, value in zip(run.offsets, run.values, strict=True)
        ]
        return replace(run, values=values)


def _number(digits: bytes | None) -> int | None:
    """Of a header, which anybody may have written: what fits no offset is none."""
    return int(digits) if digits and digits.isdigit() and len(digits) <= _MOST_DIGITS else None
