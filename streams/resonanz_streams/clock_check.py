"""What becomes of the numbers when somebody sets the machine's clock back."""

import logging

from resonanz_streams.clock import SteadyClock
from resonanz_streams.errors import RetryError
from resonanz_streams.events import AHEAD_MS
from resonanz_streams.heartbeat_sense import believable
from resonanz_streams.pipeline import Pipeline

log = logging.getLogger(__name__)


class ClockCheck:
    """Tells a clock that was ahead, and has been set right, from one that is wrong now.

    Events are the witnesses: none is more than ten minutes ahead of a clock that is right.
    """

    def __init__(self, clock: SteadyClock, pipeline: Pipeline) -> None:
        self._clock = clock
        self._pipeline = pipeline
        self._warned = False

    def look(self) -> None:
        """See whether the wall clock is far behind the time that is counted with.

        Raises:
            RetryError: it was right to set it back; what was counted as of the future must be begun anew.
        """
        now, ahead = self._clock(), self._clock.ahead_ms
        if ahead <= AHEAD_MS:
            self._warned = False
            return
        times = [engine.newest_ms or 0 for engine in self._pipeline.engines.values()]
        if max(times, default=0) > now - ahead + AHEAD_MS:
            if not self._warned:
                log.warning(
                    "this machine's clock is %d s behind the events; time goes on by what has elapsed; "
                    "set the clock right",
                    ahead // 1000,
                )
            self._warned = True
            return
        self._clock.follow()
        known = self._pipeline.heard.statuses
        known |= {key: believable(status, now - ahead) for key, status in known.items()}
        raise RetryError(f"this machine's clock was set back by {ahead // 1000} s")
