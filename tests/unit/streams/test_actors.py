"""People in few bytes, counted once across accounts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resonanz_streams.actors import MOST, WIDTH, Number, number, packed, places, reached
from resonanz_streams.identity import hashes


def people(names: range) -> bytes:
    return packed(np.unique(hashes(f"person {name}" for name in names)))


def test_few_people_are_counted_exactly_and_each_once() -> None:
    assert number([people(range(300)), people(range(200, 500))]) == Number(500, 500, 500)
    assert number([people(range(500)), people(range(500, 1000))]) == Number(1000, 1000, 1000)
    assert number([b"", b""]) == number([]) == Number(0, 0, 0)


def test_a_list_of_512_says_that_there_may_be_more() -> None:
    assert number([people(range(MOST - 1))]) == Number(511, 511, 511)
    found = number([people(range(MOST))])
    assert found.lo < found.hi


def test_the_bytes_are_bounded() -> None:
    assert len(people(range(10))) == 10 * WIDTH == 60
    assert len(people(range(10_000))) == MOST * WIDTH == 3072


@pytest.mark.parametrize("many", [600, 2_000, 20_000])
def test_the_interval_holds_the_number_in_19_of_20_cases(many: int) -> None:
    inside, errors = 0, []
    for case in range(100):
        first = 1_000_000 * case
        found = number([people(range(first, first + many)), people(range(first, first + many, 3))])
        inside += found.lo <= many <= found.hi
        errors.append(found.value / many - 1)
        assert 0.06 < (found.hi - found.lo) / 2 / found.value < 0.09
    assert inside >= 90
    assert abs(float(np.mean(errors))) < 0.02
    assert float(np.std(errors)) < 0.055


def test_people_of_a_small_account_beside_a_large_one_count() -> None:
    large, small = people(range(20_000)), people(range(20_000, 20_400))
    assert number([large]).value < number([large, small]).value < 1.1 * number([large]).value


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 900), st.integers(0, 900)), max_size=5),
    st.randoms(use_true_random=False),
)
def test_neither_order_nor_repetition_of_accounts_matter(spans: list[tuple[int, int]], rng: object) -> None:
    lists = [people(range(first, first + many)) for first, many in spans]
    again = [*lists, *lists]
    rng.shuffle(again)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    assert number(again) == number(lists)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sets(st.integers(0, 2000), max_size=MOST - 1), max_size=5))
def test_what_is_exact_is_the_size_of_the_union(accounts: list[set[int]]) -> None:
    lists = [packed(np.unique(hashes(map(str, sorted(each))))) for each in accounts]
    union = len(set().union(*accounts))
    assert number(lists) == Number(union, union, union)


def test_what_is_no_list_of_hashes_is_refused() -> None:
    for data in (b"12345", b"x" * ((MOST + 1) * WIDTH)):
        with pytest.raises(ValueError, match="bytes are no hashes of people"):
            number([data])


def test_who_of_a_list_was_reached_by_several_accounts() -> None:
    targets = np.unique(hashes(["ann", "bob", "cem", "dia", "eli", "fay", "gus", "hal", "ida"]))
    first = places(np.unique(hashes(["ann", "bob", "zoe"])), targets)
    second = places(np.unique(hashes(["bob", "ida"])), targets)
    assert (len(first), reached([first]), reached([second]), reached([first, second])) == (2, 2, 2, 3)
    assert reached([]) == reached([places(hashes([]), targets)]) == 0


def test_places_of_different_lists_are_refused() -> None:
    with pytest.raises(ValueError, match="different lists"):
        reached([b"1", b"22"])
