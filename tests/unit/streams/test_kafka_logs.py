"""What Faust's services say of themselves on Kafka."""

import pytest

from resonanz_streams.transports.kafka import Consumer
from resonanz_streams.transports.kafka_thread import ConsumerThread


@pytest.mark.parametrize("service", [Consumer, ConsumerThread])
def test_it_goes_where_faust_is_silenced(service: type) -> None:
    # mode gives a service the logger of its module, unless it has one that mode has not made.
    assert service.logger.name.startswith("faust.")  # type: ignore[attr-defined]
