"""A backlog's end brings the next flush forward; everyday flow does not."""

from resonanz_streams.backlog import Backlog


class Hands:
    """A clock that goes on when it is told to."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_it_is_over_when_much_was_counted_and_no_more_come() -> None:
    clock = Hands()
    backlog = Backlog(clock)
    backlog.counted(12_000_000)
    clock.seconds = 0.04
    assert not backlog.is_over(), "the next run may be on its way"
    clock.seconds = 0.06
    assert backlog.is_over()


def test_its_last_few_records_count_as_the_rest_of_it() -> None:
    clock = Hands()
    backlog = Backlog(clock)
    backlog.counted(12_000_000)
    backlog.begin()
    backlog.counted(100_000)
    clock.seconds = 1.0
    assert backlog.is_over()


def test_it_is_not_flushed_again_and_again() -> None:
    clock = Hands()
    backlog = Backlog(clock)
    backlog.counted(12_000_000)
    clock.seconds = 1.0
    backlog.begin()
    assert not backlog.is_over(), "nothing is new"


def test_everyday_flow_waits_for_the_tick() -> None:
    clock = Hands()
    backlog = Backlog(clock)
    for tick in range(3):
        backlog.counted(4_000_000)
        clock.seconds = tick + 0.9
        assert not backlog.is_over()
        backlog.begin()


def test_its_end_is_looked_for_often_and_at_other_times_seldom() -> None:
    backlog = Backlog(Hands())
    assert backlog.look_seconds() == 0.25
    backlog.counted(12_000_000)
    assert backlog.look_seconds() == 0.05
