"""What a client leaves out by hand, told to people and to programs."""

from typing import Any

import pytest

from resonanz_streams.exclusions import ALWAYS, Exclusion, patterns
from resonanz_streams.net.suspects import Pattern

MAY_1_MS = 1_777_593_600_000
HOUR_MS = 3_600_000


def exclusion(**changes: Any) -> Exclusion:
    told: dict[str, Any] = {
        "account": "file:a", "from_ms": ALWAYS[0], "to_ms": ALWAYS[1], "actors": frozenset(),
        "flags": frozenset(), "reason": "a raffle", "by": None,
    }  # fmt: skip
    return Exclusion(**(told | changes))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "all from the beginning on is left out of authentic figures: a raffle"),
        (
            {"from_ms": MAY_1_MS, "to_ms": MAY_1_MS + HOUR_MS, "by": "Cem"},
            (
                "all from 2026-05-01 00:00:00 UTC until 2026-05-01 01:00:00 UTC "
                "is left out of authentic figures: a raffle (Cem)"
            ),
        ),
        (
            {"flags": frozenset({"spam", "raffle"}), "actors": frozenset({"x", "y"})},
            (
                "what is flagged raffle or spam and 2 of its people did from the beginning on "
                "is left out of authentic figures: a raffle"
            ),
        ),
    ],
)
def test_for_a_person(changes: dict[str, Any], sentence: str) -> None:
    assert exclusion(**changes).sentence() == f"file:a: {sentence}"


def test_for_a_program_nobody_is_named_and_no_bound_is_null() -> None:
    row = exclusion(actors=frozenset({"x", "y"}), flags=frozenset({"b", "a"}), from_ms=MAY_1_MS).row()
    assert row == {
        "account": "file:a", "from_ms": MAY_1_MS, "to_ms": None, "actors": 2, "flags": ["a", "b"],
        "reason": "a raffle", "by": None,
    }  # fmt: skip
    assert (exclusion().row()["from_ms"], exclusion().row()["actors"]) == (None, None)


def test_each_account_has_its_own() -> None:
    told = [exclusion(), exclusion(account="file:c", to_ms=5), exclusion(to_ms=7)]
    assert patterns(told, ["file:a", "file:b", "file:c"]) == [
        [Pattern(*ALWAYS), Pattern(ALWAYS[0], 7)],
        (),
        [Pattern(ALWAYS[0], 5)],
    ]
