"""Quix Streams: ``… -m tests.bench.peers.quix_count SERVERS GROUP EVENTS RECORDS TOPIC…``.

The counts of the kinds stand in one window an account; a window is closed by what the partition brings next,
the last ones by its sentinel. No changelog.
"""

import sys
import tempfile
from collections.abc import Sequence
from functools import reduce
from typing import Any

from quixstreams import Application
from quixstreams.dataframe import StreamingDataFrame

from tests.bench.telling import Watch

KINDS = ("like", "comment", "share")


class Count:
    """The windows' counts, and the sums of those that are closed."""

    def __init__(self, app: Application, events: int) -> None:
        self._app = app
        self._events = events
        self._watch = Watch()
        self._counted = self._late = 0

    def first(self, event: dict[str, Any]) -> list[int]:
        """A window begins."""
        self._watch.start()
        return [event["kind"] == kind for kind in KINDS]

    def add(self, counts: list[int], event: dict[str, Any]) -> list[int]:
        """An event of a window that is there already."""
        counts[KINDS.index(event["kind"])] += 1
        return counts

    def close(self, window: dict[str, Any]) -> None:
        """A window is final."""
        self._counted += sum(window["value"])
        self._check()

    def late(self, *_: object) -> bool:
        """An event whose window is closed."""
        self._late += 1
        self._check()
        return False

    def _check(self) -> None:
        if self._counted + self._late >= self._events:
            self._watch.stop(self._events, self._counted)
            self._app.stop()


def count(servers: str, group: str, events: int, topics: Sequence[str]) -> None:
    """Count until all windows are closed."""
    with tempfile.TemporaryDirectory() as folder:
        app = Application(
            broker_address=servers,
            consumer_group=group,
            auto_offset_reset="earliest",
            state_dir=folder,
            use_changelog_topics=False,
            # librdkafka's second without fetching, once its queue was full, would be most of the time.
            consumer_extra_config={"fetch.queue.backoff.ms": 5},
            loglevel="ERROR",
        )
        counting = Count(app, events)
        frames = [
            app.dataframe(app.topic(name, key_deserializer="str", value_deserializer="json"))
            for name in topics
        ]
        frame = reduce(StreamingDataFrame.concat, frames)
        windows = frame.tumbling_window(10_000, on_late=counting.late).reduce(counting.add, counting.first)
        windows.final(closing_strategy="partition").update(counting.close)
        app.run()


if __name__ == "__main__":
    count(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[5:])
