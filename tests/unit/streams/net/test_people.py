"""The different people who interacted."""

from tests.nets import ago, comment, like, net_of_events

from resonanz_streams.net.people import people


def test_each_once_an_account() -> None:
    events = [
        like("1", 5, actor="ann"), comment("2", 4, actor="ann"), comment("3", 3, actor="bob"),
        like("4", 5, actor="ann", account="b"), like("5", 5, account="b", own=True),
    ]  # fmt: skip
    found = people(net_of_events(events, "abc"), ago(24))
    assert found.accounts.tolist() == [0, 0, 1]
    assert found.counts().tolist() == [2, 1, 0]
    assert found.actors[2] in found.actors[:2]


def test_since_is_exclusive() -> None:
    table = net_of_events([like("ann", 5), like("bob", 4)])
    assert people(table, ago(5)).counts().tolist() == [1]
    assert people(table, ago(5) - 1).counts().tolist() == [2]


def test_nobody() -> None:
    assert people(net_of_events([]), ago(24)).counts().tolist() == [0]
    assert people(net_of_events([], ()), ago(24)).counts().tolist() == []
