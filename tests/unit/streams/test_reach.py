"""Times for a person."""

from resonanz_streams.reach import told


def test_a_time_that_no_calendar_holds_is_told_as_a_number() -> None:
    assert told(1_700_000_000_000) == "2023-11-14 22:13:20 UTC"
    assert told(2**62) == f"{2**62} ms"
    assert told(-(2**62)) == f"-{2**62} ms"
