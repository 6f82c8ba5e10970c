"""How far back operations of one partition count, by the events' time."""

from resonanz_streams.kpis.base import WINDOWS
from resonanz_streams.measures import Measures
from resonanz_streams.net_states import NEVER
from resonanz_streams.topics import INTERACTION_TOPICS
from resonanz_streams.windows import old_edge_ms


class Horizon:
    """``marks``: the newest event's time per topic. ``length_ms``: as configured."""

    def __init__(self, measures: Measures, length_ms: int) -> None:
        self.marks: dict[str, int] = {}
        self._measures = measures
        self._length_ms = length_ms

    def saw(self, topic: str, at_ms: int) -> None:
        """An event of this time has been read."""
        self.marks[topic] = max(self.marks.get(topic, NEVER), at_ms)

    def watermark(self) -> int | None:
        """The smallest over likes, comments and shares; None while one of them has neither had an event
        nor a connector that says it is complete."""
        through = self._measures.coverage.complete_through()
        through = NEVER if through is None else through
        smallest = min(max(self.marks.get(topic, NEVER), through) for topic in INTERACTION_TOPICS)
        return None if smallest == NEVER else smallest

    def late_floor_ms(self) -> int:
        """Older operations change nothing: beyond the horizon, beyond every window, or forgotten."""
        return max(self._floor_ms(self._measures.now_ms), self._measures.ledger.floor_ms)

    def forgotten_floor_ms(self) -> int:
        """What is older need not be kept. By the watermark where now is ahead of it: a clock that is a day
        ahead must not cost a day."""
        now, mark = self._measures.now_ms, self.watermark()
        return self._floor_ms(now if mark is None or now is None else min(mark, now))

    def _floor_ms(self, now_ms: int | None) -> int:
        """Beyond the horizon, or beyond every window. While the watermark is ahead of now (event time of
        what was read early, a heartbeat from the future), now decides: windows still span what is older
        than the watermark's horizon, and operations wait that may undo it."""
        if now_ms is None:
            return NEVER
        return max(old_edge_ms(WINDOWS[-1], now_ms) + 1, self.known_from_ms(now_ms))

    def known_from_ms(self, now_ms: int) -> int:
        """What was undone or repeated before is not known."""
        mark = self.watermark()
        return NEVER if mark is None else min(mark, now_ms) - self._length_ms

    def reach_ms(self) -> int:
        """How far back operations count: as configured, or less while the ledger is at its cap."""
        mark, cut_ms = self.watermark(), self._measures.ledger.cut_ms
        if mark is None or cut_ms == NEVER:
            return self._length_ms
        return min(self._length_ms, mark - cut_ms)
