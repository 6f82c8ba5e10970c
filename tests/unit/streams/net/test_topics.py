"""Interactions by topic."""

from tests.nets import like, net_of_events

from resonanz_streams.net.topics import topic_counts


def test_an_item_of_m_topics_is_1_m_of_each_by_account_and_name() -> None:
    table = net_of_events(
        [like("1", 5, topics=["rye", "oat", "spelt"]), like("2", 5, topics=["rye"], count=2), like("3", 5),
         like("4", 5, account="b", topics=["oat"])], "ab"
    )  # fmt: skip
    found = topic_counts(table, table.since(0), table.interactions)
    assert found.accounts.tolist() == [0, 0, 0, 1]
    assert list(found.names) == ["oat", "rye", "spelt", "oat"]
    assert found.counts.tolist() == [1 / 3, 7 / 3, 1 / 3, 1.0]


def test_the_counts_of_others_are_zero_where_there_are_none() -> None:
    table = net_of_events(
        [like("1", 5, topics=["rye", "oat"]), like("2", 5, topics=["oat"], venue="elsewhere")]
    )
    everything = table.since(0)
    whole = topic_counts(table, everything, table.interactions)
    away = topic_counts(table, everything, table.of_facets([f.venue == "elsewhere" for f in table.facets]))
    assert whole.counts.tolist() == [1.5, 0.5]
    assert away.at(whole.accounts, whole.names).tolist() == [1.0, 0.0]


def test_no_topics() -> None:
    table = net_of_events([like("1", 5)])
    assert topic_counts(table, table.since(0), table.interactions).counts.tolist() == []
