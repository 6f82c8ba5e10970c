"""Which hours count, and how many of them lie between two instants."""

from datetime import UTC, datetime

import numpy as np
import pytest

from resonanz_streams.business_time import BusinessHours, check_holidays, openings, parse_week

WORK = parse_week("Mo-Fr 08:00-18:00")
ALWAYS = parse_week("Mo-Su 00:00-24:00")
NONE: tuple[tuple[int, int], ...] = ()


def ms(text: str) -> int:
    """UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def hours(business: BusinessHours, begin: str, end: str) -> float:
    """Between two instants, UTC."""
    first, last = ms(begin), ms(end)
    return float(openings(business, first, last).between(np.array([first]), np.array([last]))[0]) / 3_600_000


# -- what is written -----


def test_a_week() -> None:
    long, half = (480, 1080), (540, 780)
    assert parse_week("Mo-Fr 08:00-18:00") == ((long,),) * 5 + (NONE, NONE)
    assert parse_week("Mo-Fr 08:00-18:00, Sa 09:00-13:00") == ((long,),) * 5 + ((half,), NONE)
    assert parse_week("Mo-Fr 08:00-18:00; Sa 09:00-13:00") == ((long,),) * 5 + ((half,), NONE)


def test_several_spans_of_a_day_in_any_order() -> None:
    split = ((480, 720), (780, 1080))
    for text in (
        "Mo 08:00-12:00,13:00-18:00",
        "Mo 13:00-18:00, 08:00-12:00",
        "Mo 13:00-18:00, Mo 08:00-12:00",
    ):
        assert parse_week(text)[0] == split


def test_days_in_a_list_and_over_the_end_of_the_week() -> None:
    assert [bool(day) for day in parse_week("Mo,We,Fr-Sa 08:00-09:00")] == [
        True,
        False,
        True,
        False,
        True,
        True,
        False,
    ]
    assert [bool(day) for day in parse_week("Sa-Mo 08:00-09:00")] == [
        True,
        False,
        False,
        False,
        False,
        True,
        True,
    ]


def test_midnight_ends_a_day() -> None:
    assert parse_week("Sa 10:00-24:00")[5] == ((600, 1440),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "write days and times such as"),
        ("Mo-Fr", "write days and times such as"),
        ("08:00-18:00", "write days and times such as"),
        ("Mon-Fri 8-18", "write days and times such as"),
        ("Mo-Fr 08:00-18:00;", "write days and times such as"),
        ("Mo-Fr 08:00-18:00; PH off", "write days and times such as"),
        ("Mo-Fr 08:00-18:00\n", "write days and times such as"),
        ("Mo 10:00-24:30", "10:00-24:30 has a time that no clock shows"),
        ("Mo 25:00-26:00", "25:00-26:00 has a time that no clock shows"),
        ("Mo 08:00-08:00", "08:00-08:00 is empty"),
        ("Mo 22:00-06:00", "22:00-06:00 ends before it begins; write up to midnight"),
        ("Mo-Fr 08:00-12:00,11:00-18:00", "Mo 11:00-18:00 overlaps Mo 08:00-12:00; join them"),
        ("Mo-Fr 08:00-18:00, Fr 17:00-19:00", "Fr 17:00-19:00 overlaps Fr 08:00-18:00; join them"),
        ("Mo-Fr 08:00-12:00; Fr 13:00-15:00", "Fr stands on both sides of a semicolon"),
    ],
)
def test_what_is_no_week_says_why(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_week(text)


@pytest.mark.parametrize("calendar", ["DE", "DE-BE", "US-CA", "AT-9"])
def test_holidays_that_are_known(calendar: str) -> None:
    assert check_holidays(calendar) == calendar


@pytest.mark.parametrize(
    ("calendar", "said"),
    [
        ("XX", "no holidays of 'XX' are known; write a country such as DE, or DE-BE"),
        ("Germany", "no holidays of 'Germany' are known"),
        ("", "no holidays of '' are known"),
        ("DE-XX", "DE has no part 'XX'; write DE-BB, BE, "),
        ("DE-", "DE has no part ''"),
        ("MC-1", "MC has no part '1'; write MC$"),
    ],
)
def test_holidays_that_are_not_known_say_why(calendar: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        check_holidays(calendar)


# -- what counts -----


def test_from_friday_evening_to_monday_morning() -> None:
    #  Fr 2026-03-06 17:00 ── 18:00 │ the weekend │ Mo 08:00 ── 09:30
    berlin = BusinessHours(WORK, "Europe/Berlin")
    assert hours(berlin, "2026-03-06T16:00", "2026-03-09T08:30") == 2.5


def test_nothing_within_a_night_and_nothing_backwards_in_no_time() -> None:
    berlin = BusinessHours(WORK, "Europe/Berlin")
    assert hours(berlin, "2026-03-06T20:00", "2026-03-07T06:00") == 0
    assert hours(berlin, "2026-03-06T12:00", "2026-03-06T12:00") == 0


def test_the_edges_are_exact_to_the_millisecond() -> None:
    berlin = BusinessHours(WORK, "Europe/Berlin")
    opens, begin = ms("2026-03-06T07:00"), ms("2026-03-06T00:00")
    found = openings(berlin, begin, opens + 1).between(np.array([begin] * 3), opens + np.array([-1, 0, 1]))
    assert found.tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("begin", "end", "length"),
    [
        ("2026-03-27T23:00", "2026-03-28T23:00", 24),
        ("2026-03-28T23:00", "2026-03-29T22:00", 23),
        ("2026-10-24T22:00", "2026-10-25T23:00", 25),
    ],
)
def test_days_on_which_the_clock_changes_have_their_own_length(begin: str, end: str, length: int) -> None:
    """From midnight to midnight in Berlin."""
    assert hours(BusinessHours(ALWAYS, "Europe/Berlin"), begin, end) == length


def test_the_hour_that_is_left_out_and_the_hour_that_comes_twice() -> None:
    """02:00 to 03:00 in Berlin: not there on 2026-03-29, there twice on 2026-10-25."""
    night = BusinessHours(parse_week("Su 01:30-03:30"), "Europe/Berlin")
    assert hours(night, "2026-03-28T12:00", "2026-03-29T12:00") == 1
    assert hours(night, "2026-10-24T12:00", "2026-10-25T12:00") == 3
    within = BusinessHours(parse_week("Su 02:15-02:45"), "Europe/Berlin")
    assert hours(within, "2026-03-28T12:00", "2026-03-29T12:00") == 0
    assert hours(within, "2026-10-24T12:00", "2026-10-25T12:00") == 1


def test_holidays_of_a_country_and_of_its_parts() -> None:
    """Women's Day, Sunday 2026-03-08, is one in Berlin; in 2027 it is a Monday. New Year is everywhere."""
    for calendar, expected in ((None, 10), ("DE", 10), ("DE-BE", 0)):
        berlin = BusinessHours(WORK, "Europe/Berlin", calendar)
        assert hours(berlin, "2027-03-07T23:00", "2027-03-08T23:00") == expected
    assert hours(BusinessHours(WORK, "Europe/Berlin", "DE"), "2026-12-31T12:00", "2027-01-04T12:00") == 5 + 5


def test_a_client_on_the_other_side_of_the_date_line() -> None:
    """Monday 08:00 to 18:00 in Auckland is Sunday 19:00 to Monday 05:00 UTC."""
    auckland = BusinessHours(WORK, "Pacific/Auckland")
    assert hours(auckland, "2026-03-08T00:00", "2026-03-08T23:00") == 4
    assert hours(auckland, "2026-03-08T00:00", "2026-03-09T12:00") == 10


def test_instants_pair_by_pair_in_one_call() -> None:
    berlin = BusinessHours(WORK, "Europe/Berlin")
    begins, ends = ([ms(f"2026-03-0{day}T09:00") for day in days] for days in ((2, 6, 7), (3, 9, 8)))
    found = openings(berlin, min(begins), max(ends)).between(np.array(begins), np.array(ends))
    assert (found / 3_600_000).tolist() == [10, 10, 0]
