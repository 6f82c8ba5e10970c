"""What follows from a handful of comments, by hand."""

from resonanz_connectors.simulator_dialogue import Comment, Talk

MINUTE = 60_000


def said(minute: int, parent: int = 0, thread: int = 7) -> Comment:
    return Comment(minute * MINUTE, own=False, parent=parent, thread=thread)


def answer(minute: int, parent: int, thread: int = 7) -> Comment:
    return Comment(minute * MINUTE, own=True, parent=parent, thread=thread)


def test_a_conversation_by_hand() -> None:
    """
    ::

        post 7:  1 ── 2 own ── 3 ── 4 own (gone)
                 └─ 5 (gone) ── 6
        post 8:  9, answered at the end of its SLA     10, waits     0 ?── 12
    """
    talk = Talk(
        {
            1: said(10),
            2: answer(20, 1),
            3: said(30, 2),
            4: answer(40, 3),
            5: said(15, 1),
            6: said(25, 5),
            9: said(10, thread=8),
            10: said(90, thread=8),
            11: answer(70, 9, thread=8),
            12: said(50, 99, thread=8),
        },
        removed=[4, 5],
        sla_ms=60 * MINUTE,
    )
    found = talk.dialogue(0, 100 * MINUTE)
    assert found.comments == 6
    assert (found.answered, found.due, found.in_time) == (2, 4, 2)
    assert (found.waiting, found.breaches, found.oldest_ms) == (4, 2, 25 * MINUTE)
    # Waits of 10, 60 answered, of 10, 50, 70, 75 not: 5/6 have none after 10 min, 5/6 · 2/3 after 60.
    assert found.median_ms is None
    assert (found.depths, found.deepest) == (1 + 3 + 3 + 1 + 1 + 2, 3)
    assert (found.threads, found.thread_depths) == (2, 3 + 2)
    assert found.thread_means == 7 / 3 + 4 / 3
    assert found.returned == 1


def test_only_what_is_later_is_in_the_window_but_answers_count_whenever_they_came() -> None:
    talk = Talk({1: said(10), 2: answer(20, 1), 3: said(30, 2)}, removed=[], sla_ms=MINUTE)
    assert talk.dialogue(10 * MINUTE - 1, 31 * MINUTE).comments == 2
    late = talk.dialogue(10 * MINUTE, 31 * MINUTE)
    assert (late.comments, late.depths, late.returned) == (1, 3, 1)
    assert (late.due, late.in_time, late.breaches) == (1, 0, 1)


def test_the_median_is_when_half_have_an_answer() -> None:
    talk = Talk(
        {
            1: said(0),
            2: said(0),
            3: said(0),
            4: said(0),
            11: answer(5, 1),
            12: answer(8, 2),
            13: answer(9, 2),
        },
        removed=[],
        sla_ms=MINUTE,
    )
    assert talk.dialogue(-1, 20 * MINUTE).median_ms == 8 * MINUTE


def test_where_nobody_spoke_there_is_nothing() -> None:
    found = Talk({}, removed=[], sla_ms=MINUTE).dialogue(0, MINUTE)
    assert (found.comments, found.oldest_ms, found.median_ms, found.deepest, found.threads) == (
        0,
        None,
        None,
        0,
        0,
    )
