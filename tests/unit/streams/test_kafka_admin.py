"""What a group's coordinator answers, or does not yet."""

import asyncio

import pytest
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    NotCoordinatorForGroupError,
)

from resonanz_streams.transports.kafka_admin import answered, patiently


def test_a_coordinator_that_is_starting_is_asked_again() -> None:
    answers = iter((GroupCoordinatorNotAvailableError(), GroupLoadInProgressError(), [], ["worker"]))

    async def ask() -> list[str]:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert asyncio.run(patiently(ask)) == ["worker"]


@pytest.mark.parametrize(
    "error", [GroupLoadInProgressError, NotCoordinatorForGroupError, GroupAuthorizationFailedError]
)
def test_an_answer_with_a_code_is_not_taken_for_a_group_without_members(error: type[Exception]) -> None:
    with pytest.raises(error):
        answered((error.errno, "g", "", "", "", []))  # type: ignore[attr-defined]


def test_a_group_without_members_is_an_answer() -> None:
    assert answered((0, "g", "Dead", "", "", [])) == [[]]
