"""Whether a state fits what it stands beside: the partitions, and the log."""

from resonanz_streams.errors import GROWN, RECOUNT, StopError
from resonanz_streams.state_head import Head
from resonanz_streams.transports.ports import Recovered


def check_head(head: Head, partition: int, partitions: int, recovered: Recovered) -> None:
    """Whether a state fits the number of partitions and, where the broker has forgotten its offsets, the log.

    Raises:
        StopError: it does not.
    """
    if head.partitions not in {0, partitions}:
        raise StopError(
            f"what was counted stands in {head.partitions} partitions, the configuration says {partitions}; "
            f"write partitions: {head.partitions}; {GROWN}"
        )
    for topic, offset in head.offsets.items():
        end = recovered.ends.get(topic, offset)
        if topic not in recovered.offsets and end < offset:
            raise StopError(
                f"topic {topic}, partition {partition}, ends at {end}, but its records up to {offset} have "
                f"been counted: it was deleted or cut off; {RECOUNT}"
            )
