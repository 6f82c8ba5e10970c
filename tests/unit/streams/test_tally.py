"""What became of every event read."""

import numpy as np

from resonanz_streams.tally import MAX_SOURCES, Tally


def test_each_source_has_its_own_outcomes() -> None:
    tally = Tally()
    tally.add(["file", "x", "file", "file"], "like", np.array([1, 1, 0, 2]))
    tally.add(["file"], "like", np.array([1]))
    assert tally.outcomes == {
        ("file", "like", "counted"): 2,
        ("file", "like", "duplicate"): 1,
        ("file", "like", "removed"): 1,
        ("x", "like", "counted"): 1,
    }


def test_a_dead_letter_is_an_outcome_and_has_a_reason() -> None:
    tally = Tally()
    tally.reject("share", "not_json")
    tally.reject("audience", "wrong_type")
    assert tally.outcomes == {("", "share", "dead_letter"): 1, ("", "audience", "dead_letter"): 1}
    assert tally.dead_letters == {"not_json": 1, "wrong_type": 1}


def test_tallies_add_up() -> None:
    one, other = Tally(), Tally()
    one.reject("like", "not_json")
    other.reject("like", "not_json")
    other.add(["file"], "comment", np.array([0]))
    one.update(other)
    assert one.dead_letters == {"not_json": 2}
    assert one.outcomes == {("", "like", "dead_letter"): 2, ("file", "comment", "duplicate"): 1}


def test_sources_beyond_a_bound_share_a_name() -> None:
    """They come from events, so from anybody, and each would be a series."""
    tally = Tally()
    names = [f"s{number}" for number in range(MAX_SOURCES + 50)]
    for name in names:
        tally.add([name], "like", np.array([1]))
    tally.add(names, "like", np.ones(len(names), np.int64))
    assert len(tally.outcomes) == MAX_SOURCES + 1
    assert tally.outcomes["other", "like", "counted"] == 100
    assert tally.outcomes["s0", "like", "counted"] == 2


def test_the_bound_holds_for_late_events_and_for_tallies_that_are_added_up_too() -> None:
    one, other = Tally(), Tally()
    for number in range(MAX_SOURCES + 10):
        one.one(f"a{number}", "like", "late")
        other.one(f"b{number}", "like", "late")
    assert len(one.outcomes) == MAX_SOURCES + 1
    one.update(other)
    assert len(one.outcomes) == MAX_SOURCES + 1
    assert one.outcomes.total() == 2 * (MAX_SOURCES + 10)
