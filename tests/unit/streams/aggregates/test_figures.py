"""What several accounts are together."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from msgspec import UNSET, structs
from tests.groups import Figures, member, numbers, snapshot_of, snapshots_of, together
from tests.inputs import NOW_MS, clients_with, inputs_of, nobody_knows
from tests.nets import answer, comment, like, net_of_events, post

from resonanz_streams.aggregates.figures import aggregates
from resonanz_streams.aggregates.members import Member
from resonanz_streams.details import Vocabulary
from resonanz_streams.events import KpiEntry, KpiSnapshot
from resonanz_streams.kpis import KPIS
from resonanz_streams.kpis.base import EMPTY, REASONS
from resonanz_streams.measures import clients_of
from resonanz_streams.registry import build_registry
from resonanz_streams.settings import settings_of


def of(counts: Sequence[tuple[int, int, int, int]], **more: Any) -> list[KpiSnapshot]:
    """Accounts a, b, … with these counts in every window."""
    return snapshots_of(inputs_of(counts, **more), "abcdef"[: len(counts)])


def client(snapshots: Sequence[KpiSnapshot]) -> Figures:
    return together([member(each) for each in snapshots])


def entry(kpi: str, window: str = "24h", part: str | None = None, **more: Any) -> KpiEntry:
    return KpiEntry(kpi, window, part, **({"coverage": 1.0} | more))


# -- how figures become one -----


def test_counts_are_added_with_the_interval_of_the_sum() -> None:
    found = client(of([(1, 1, 0, 2), (2, 0, 0, 0)]))["interactions", "24h", None]
    assert numbers(found) == (4.0, 4.0, None)
    assert (round(found.lo or 0, 3), round(found.hi or 0, 3)) == (1.09, 10.242)
    assert (found.accounts, found.coverage, found.reason) == (2, 1.0, None)


def test_kinds_are_added_by_name() -> None:
    found = client(of([(1, 1, 0, 2), (2, 0, 3, 0)]))
    parts = ("like", "comment", "share", "removed")
    assert [found["interactions", "24h", part].value for part in parts] == [3.0, 1.0, 3.0, 2.0]


def test_without_suspects_an_account_that_has_none_adds_its_whole() -> None:
    """Of a one like of two is a bot's; of b and c nothing is suspect, so nothing is told of them."""
    net = net_of_events(
        [like("l", 5), like("x", 5, flags=["bot"]), comment("c", 5, account="b"), like("m", 5, account="c")],
        "abc",
    )
    counts = [(2, 0, 0, 0), (0, 1, 0, 0), (1, 0, 0, 0)]
    found = client(
        of(
            counts,
            followers=[100, 200, 200],
            net=net,
            followers_at=lambda rows, _: np.full(len(rows), np.nan),
        )
    )
    assert numbers(found["interactions", "24h", None]) == (4.0, 4.0, None)
    assert numbers(found["interactions", "24h", "authentic"]) == (3.0, 3.0, None)
    assert numbers(found["interactions", "24h", "authentic:like"]) == (2.0, 2.0, None)
    assert numbers(found["engagement_rate_by_followers", "24h", "authentic"]) == (6.0, 3.0, 500.0)
    assert found["interaction_mix", "24h", "authentic:like"].value == pytest.approx(2 / 3)
    assert found["interactions", "24h", "authentic"].accounts == 3
    quiet = client(of(counts[1:], net=net_of_events([comment("c", 5)], "ab"), followers_at=nobody_knows))
    assert ("interactions", "24h", "authentic") not in quiet


def test_an_account_without_deep_figures_is_not_called_authentic() -> None:
    def said(value: float, part: str | None = None) -> KpiEntry:
        return entry("interactions", part=part, value=value, numerator=value, denominator=value)

    deep = snapshot_of("a", [said(4.0, "authentic")])
    first = Member("a", "bakery", [snapshot_of("a", [said(10.0)]), deep], fresh=True, deep=True)
    second = Member("b", "bakery", [snapshot_of("b", [said(100.0)])], fresh=True)
    found = together([first, second])
    authentic = found["interactions", "24h", "authentic"]
    assert (authentic.value, authentic.accounts, authentic.coverage) == (4.0, 1, 0.5)
    assert found["interactions", "24h", None].value == 110.0
    both = together([first, replace(second, deep=True)])["interactions", "24h", "authentic"]
    assert (both.value, both.accounts, both.coverage) == (104.0, 2, 1.0)


def test_a_reason_of_another_version_stands_behind_those_that_are_known() -> None:
    def absent(account: str, reason: str) -> Member:
        return member(snapshot_of(account, [entry("engagement_rate_by_followers", reason=reason)]))

    place = ("engagement_rate_by_followers", "24h", None)
    news = [absent("a", "of_tomorrow"), absent("b", "of_later")]
    assert together(news)[place].reason == "of_later"
    assert together([*news, absent("c", "no_followers")])[place].reason == "no_followers"


def test_the_potential_is_that_of_the_newest_whole_beside_older_authentic_parts() -> None:
    new, old = of([(1, 0, 0, 0), (3, 0, 0, 0)], potential=[2000, 1000])
    old.at_ms -= 5_000
    part = entry("interactions_per_potential", part="authentic", value=1.0, numerator=1.0, denominator=900.0)
    deep = snapshot_of("a", [part], at_ms=NOW_MS - 15_000)
    members = [replace(member(new), snapshots=[new, deep]), member(old)]
    found = together(members)["interactions_per_potential", "24h", None]
    assert numbers(found) == (2.0, 4.0, 2000.0)


def test_a_rate_is_computed_from_the_sums_and_not_the_mean_of_rates() -> None:
    """1 on 100 are 10, 3 on 200 are 15; 4 on 300 are 13.3 with the interval 3.6 to 34.1."""
    found = client(of([(1, 0, 0, 0), (3, 0, 0, 0)], followers=[100, 200]))
    rate = found["engagement_rate_by_followers", "24h", None]
    assert numbers(rate) == (pytest.approx(40 / 3), 4.0, 300.0)
    assert (round(rate.lo or 0, 1), round(rate.hi or 0, 1)) == (3.6, 34.1)


def test_the_potential_is_divided_by_once_for_each_client() -> None:
    first, second, third = of([(1, 0, 0, 0), (3, 0, 0, 0), (6, 0, 0, 0)], potential=[1000, 1000, 4000])
    at_one = client([first, second])["interactions_per_potential", "24h", None]
    assert numbers(at_one) == (4.0, 4.0, 1000.0)
    platform = together([member(first), member(second), member(third, client="theatre")])
    assert numbers(platform["interactions_per_potential", "24h", None]) == (2.0, 10.0, 5000.0)


def test_the_potential_is_that_of_the_newest_snapshot() -> None:
    old, new = of([(1, 0, 0, 0), (3, 0, 0, 0)], potential=[1000, 2000])
    old.at_ms -= 5_000
    for both in ([old, new], [new, old]):
        assert client(both)["interactions_per_potential", "24h", None].denominator == 2000.0


def test_minutes_are_divided_by_once() -> None:
    found = client(of([(30, 0, 0, 0), (90, 0, 0, 0)], length_ms=3_600_000))
    assert numbers(found["velocity", "1h", None]) == (2.0, 120.0, 60.0)


def test_the_peak_of_several_accounts_is_not_known() -> None:
    found = client(of([(1, 0, 0, 0), (2, 0, 0, 0)], peak=[1, 2]))["velocity", "24h", "peak"]
    assert (found.value, found.reason, found.coverage) == (None, "not_mergeable", 1.0)


def test_a_weighted_sum_has_no_interval() -> None:
    found = client(of([(1, 1, 0, 0), (0, 0, 2, 0)]))["weighted_interactions", "24h", None]
    assert (*numbers(found), found.lo, found.reason) == (9.0, 9.0, 4.0, None, None)


def test_shares_of_a_sum_have_wilsons_interval() -> None:
    found = client(of([(3, 0, 0, 0), (0, 1, 0, 0)]))["interaction_mix", "24h", "like"]
    assert numbers(found) == (0.75, 3.0, 4.0)
    assert (round(found.lo or 0, 3), round(found.hi or 0, 3)) == (0.301, 0.954)


def test_posts_without_interactions_and_interactions_without_posts_both_count() -> None:
    found = client(of([(4, 0, 0, 0), (0, 0, 0, 0)], posts=[0, 2]))["applause", "24h", None]
    assert numbers(found) == (2.0, 4.0, 2.0)
    assert found.accounts == 2


def test_nothing_to_divide_by_anywhere_keeps_its_reason() -> None:
    found = client(of([(4, 0, 0, 0), (1, 0, 0, 0)]))["applause", "24h", None]
    assert (*numbers(found), found.reason) == (None, 5.0, None, "no_posts")


# -- who enters -----


def test_a_stale_account_does_not_enter_and_the_coverage_tells() -> None:
    first, second = of([(1, 0, 0, 0), (7, 0, 0, 0)], coverage=[0.9, 1.0])
    found = together([member(first), member(second, fresh=False)])["interactions", "24h", None]
    assert (found.value, found.accounts, found.coverage) == (1.0, 1, 0.45)


def test_a_missing_account_does_not_enter_either() -> None:
    (first,) = of([(1, 0, 0, 0)])
    found = together([member(first), Member("b", "bakery", [], fresh=False)])["interactions", "24h", None]
    assert (found.value, found.accounts, found.coverage) == (1.0, 1, 0.5)


def test_without_a_fresh_account_every_figure_is_null() -> None:
    snapshots = of([(1, 0, 0, 0), (7, 0, 0, 0)], followers=[5, 5])
    for members in (snapshots, snapshots[:1]):
        found = together([member(each, fresh=False) for each in members])
        assert {"interactions", "velocity", "interaction_mix"} <= {kpi for kpi, _, _ in found}
        for figure in found.values():
            assert (figure.value, figure.coverage, figure.accounts) == (None, 0.0, 0)
            assert figure.reason in {"not_covered", "not_mergeable"}


def test_an_account_whose_denominator_nobody_knows_leaves_with_its_numerator() -> None:
    found = client(of([(4, 0, 0, 0), (9, 0, 0, 0)], followers=[300, np.nan]))
    rate = found["engagement_rate_by_followers", "24h", None]
    assert (*numbers(rate), rate.accounts, rate.coverage) == (pytest.approx(40 / 3), 4.0, 300.0, 1, 0.5)


def test_where_no_account_enters_there_is_a_reason() -> None:
    found = client(of([(4, 0, 0, 0), (0, 0, 0, 0)], coverage=[1.0, 0.0]))
    rate = found["engagement_rate_by_followers", "24h", None]
    assert (rate.value, rate.reason, rate.coverage) == (None, "no_followers", 0.5)


def test_falling_totals_are_added_and_have_no_interval_below_zero() -> None:
    found = client(of([(-9, 0, 0, 0), (4, 0, 0, 0)]))["interactions", "24h", None]
    assert (found.value, found.lo, found.reason) == (-5.0, None, "negative_count")
    above = client(of([(-9, 0, 0, 0), (12, 0, 0, 0)]))["interactions", "24h", None]
    assert (above.value, above.lo is None, above.reason) == (3.0, False, None)


def test_of_a_single_account_the_figures_are_its_own() -> None:
    events = [post("p", 9), like("ann", 8, topics=["rye"]), comment("c", 7), answer("r", 6, "c")]
    (only,) = snapshots_of(_deep(events, "a"), "a")
    found = together([member(only)])
    assert len(found) == len(only.kpis)
    for it in only.kpis:
        figure = found[it.kpi, it.window, it.part]
        assert all(getattr(figure, name) == getattr(it, name) for name in KpiEntry.__struct_fields__)


def test_a_kpi_that_does_not_say_how_is_not_merged() -> None:
    unknown = [snapshot_of(name, [entry("custom", value=1.0, numerator=1.0)]) for name in "ab"]
    found = client(unknown)["custom", "24h", None]
    assert (found.value, found.reason, found.coverage) == (None, "not_mergeable", 1.0)


def test_figures_of_both_topics_of_an_account_are_its_own() -> None:
    """The potential is that of the newest of its own topic, however old the other one's is."""
    events = [like("ann", 3), like("bob", 2, account="b")]
    first, second = snapshots_of(_deep(events, targets=[["ann"], ["bob", "cem"]]), "ab")
    halves = [[replace_kpis(each, deep=False), replace_kpis(each, deep=True)] for each in (first, second)]
    halves[0][1].at_ms, halves[1][1].at_ms = NOW_MS - 5, NOW_MS - 9
    members = [Member(name, "bakery", each, fresh=True) for name, each in zip("ab", halves, strict=True)]
    found = together(members)
    assert {"interactions", "target_coverage"} <= {kpi for kpi, _, _ in found}
    assert numbers(found["target_coverage", "24h", None]) == (1.0, 1.0, 1.0)


def replace_kpis(snapshot: KpiSnapshot, *, deep: bool) -> KpiSnapshot:
    """What one of the topics holds of a snapshot."""
    ids = {kpi.id for kpi in KPIS if kpi.deep == deep}
    more = {} if deep else {"actors": UNSET}
    return structs.replace(snapshot, kpis=[it for it in snapshot.kpis if it.kpi in ids], **more)


def test_what_is_not_wanted_is_not_computed() -> None:
    members = [member(each) for each in of([(1, 0, 0, 0), (2, 0, 0, 0)])]
    (found,) = aggregates([members], lambda kpi, window: (kpi, window) == ("velocity", "24h"))
    assert [(it.kpi, it.window, it.part) for it in found] == [
        ("velocity", "24h", None),
        ("velocity", "24h", "peak"),
    ]


def test_several_groups_are_computed_at_once_each_for_itself() -> None:
    first, second, third = (member(each) for each in of([(1, 0, 0, 0), (2, 0, 0, 0), (4, 0, 0, 0)]))
    both, none, one = aggregates([[first, second], [], [third]])
    assert {it.value for it in both if it.kpi == "interactions" and it.part is None} == {3.0}
    assert none == []
    assert {it.value for it in one if it.kpi == "interactions" and it.part is None} == {4.0}


# -- of what stands -----


def _deep(events: Sequence[dict[str, Any]], names: str = "ab", **more: Any) -> Any:
    clients = clients_with(len(names), targets=more.pop("targets", None))
    return inputs_of(
        [(0, 0, 0, 0)] * len(names),
        net=net_of_events(events, names),
        followers=more.get("followers"),
        followers_at=lambda rows, _: np.array(more.get("followers", [100.0] * len(names)))[rows],
        clients=replace(clients, several=np.ones(len(names), dtype=np.bool_)),
    )


def deep(events: Sequence[dict[str, Any]], names: str = "ab", **more: Any) -> Figures:
    return client(snapshots_of(_deep(events, names, **more), names))


def test_who_interacts_with_two_accounts_is_one_person() -> None:
    events = [like("ann", 3), like("bob", 2), like("ann", 1, account="b"), like("cem", 1, account="b")]
    found = deep(events, followers=[100.0, 200.0])
    people = found["active_audience", "24h", "actors_per_follower"]
    assert numbers(people) == (0.01, 3.0, 300.0)
    assert (round(people.lo or 0, 5), round(people.hi or 0, 5)) == (0.00206, 0.02922)
    whole = found["active_audience", "24h", None]
    assert (whole.value, whole.reason) == (None, "membership_unknown")


def test_whom_two_accounts_reach_of_a_list_is_reached_once() -> None:
    events = [like("ann", 3), like("zoe", 2), like("ann", 1, account="b"), like("cem", 1, account="b")]
    found = deep(events, targets=[["ann", "bob", "cem", "dia", "eli"]] * 2)
    assert numbers(found["target_coverage", "24h", None]) == (0.4, 2.0, 5.0)


def test_people_of_several_clients_are_added_since_nobody_can_know_them_again() -> None:
    events = [like("ann", 3), like("ann", 1, account="b"), like("cem", 1, account="b")]
    first, second = snapshots_of(
        _deep(events, followers=[100.0, 200.0], targets=[["ann"], ["ann", "bob"]]), "ab"
    )
    found = together([member(first), member(second, client="theatre")])
    assert numbers(found["active_audience", "24h", "actors_per_follower"]) == (0.01, 3.0, 300.0)
    assert numbers(found["target_coverage", "24h", None]) == (pytest.approx(2 / 3), 2.0, 3.0)


def test_of_a_client_with_one_account_its_own_people_enter() -> None:
    """The bakery has two accounts, the theatre and the museum one each, of which nobody is told."""
    names = ["file:a", "file:b", "file:c", "file:d"]
    owners = dict(zip(names, ("bakery", "bakery", "theatre", "museum"), strict=True))
    configured = {
        client: {
            "name": client,
            "accounts": [name for name in names if owners[name] == client],
            "target_list": ["ann", "bob", "eve"],
        }
        for client in dict.fromkeys(owners.values())
    }
    registry = build_registry(
        settings_of({"pseudonym_key": "${KEY}", "clients": configured}, environment={"KEY": "k" * 32})
    )
    accounts = [registry.accounts[name] for name in names]
    ann = {client: registry.pseudonym(client, "ann") for client in configured}
    events = [
        like(ann["bakery"], 3, account="file:a"),
        like(ann["bakery"], 3, account="file:b"),
        like(ann["theatre"], 3, account="file:c"),
        *(like(f"v{number}", 3, account="file:d") for number in range(600)),
    ]
    inputs = inputs_of(
        [(0, 0, 0, 0)] * 4,
        net=net_of_events(events, names),
        followers=[100.0] * 4,
        clients=clients_of(registry, accounts),
    )
    told = snapshots_of(inputs, names)
    assert [it.actors is not UNSET for it in told] == [True, True, False, False]
    found = together([member(it, client=owners[it.account]) for it in told])
    people = found["active_audience", "24h", "actors_per_follower"]
    assert (numbers(people), people.accounts) == ((602 / 400, 602.0, 400.0), 4)
    targets = found["target_coverage", "24h", None]
    assert (numbers(targets), targets.accounts) == ((pytest.approx(2 / 9), 2.0, 9.0), 4)


def test_what_is_of_other_things_at_each_client_is_not_merged_across_clients() -> None:
    first, second = of([(1, 0, 0, 0), (3, 0, 0, 0)], potential=[1000, 1000])
    kpis = [kpi.id for kpi in KPIS if kpi.within_client]
    at_one = client([first, second])
    assert at_one["weighted_interactions", "24h", None].value == 4.0
    found = together([member(first), member(second, client="theatre")])
    shown = {place: it for place, it in found.items() if place[0] in kpis}
    assert {kpi for kpi, _, _ in shown} >= {"weighted_interactions"}
    assert {(it.value, it.numerator, it.reason, part) for (_, _, part), it in shown.items()} == {
        (None, None, "not_mergeable", None)
    }
    assert found["interactions", "24h", None].value == 4.0


def test_lists_that_differ_are_not_laid_upon_each_other() -> None:
    """One worker has the configuration of yesterday: the newest snapshot's list counts."""
    events = [like("ann", 3), like("bob", 1, account="b")]
    old, new = snapshots_of(_deep(events, targets=[["ann", "eli"], ["bob", "cem"]]), "ab")
    old.at_ms = NOW_MS - 1
    found = client([old, new])["target_coverage", "24h", None]
    assert (*numbers(found), found.accounts, found.coverage) == (0.5, 1.0, 2.0, 1, 0.5)


def test_without_the_people_of_an_account_nobody_knows_how_many_are_the_same() -> None:
    told = snapshots_of(_deep([like("ann", 3), like("bob", 1, account="b")], followers=[100.0, 100.0]), "ab")
    for each in told:
        each.actors = {}
    found = client(told)["active_audience", "24h", "actors_per_follower"]
    assert (found.value, found.reason) == (None, "not_mergeable")


def test_people_that_somebody_else_wrote_are_no_crash() -> None:
    told = snapshots_of(_deep([like("ann", 3), like("bob", 1, account="b")], followers=[100.0, 100.0]), "ab")
    for each in told:
        assert isinstance(each.actors, dict)
        each.actors["24h"].smallest = b"12345"
    found = client(told)["active_audience", "24h", "actors_per_follower"]
    assert (found.value, found.reason) == (None, "not_mergeable")


def test_beyond_512_people_of_an_account_the_number_is_an_estimate_with_its_error() -> None:
    both = [(f"p{n}", "a") for n in range(3000)] + [(f"p{n}", "b") for n in range(2000, 5000)]
    events = [like(name, 1, account=account) for name, account in both]
    people = deep(events, followers=[1000.0, 1000.0])["active_audience", "24h", "actors_per_follower"]
    assert people.numerator is not None
    assert abs(people.numerator - 5000) < 0.12 * 5000
    assert people.lo is not None
    assert people.hi is not None
    assert people.lo < 5000 / 2000 < people.hi
    assert people.hi - people.lo > 2 * 0.07 * 5000 / 2000


def test_what_waits_is_added_and_the_oldest_of_all_is_told() -> None:
    events = [comment("c", 5), comment("d", 9, account="b"), answer("r", 2, "c"), comment("e", 3)]
    found = deep(events)
    assert numbers(found["backlog", "24h", None]) == (2.0, 2.0, 3.0)
    assert found["backlog", "24h", "oldest_age"].value == 9 * 3600
    assert found["backlog", "24h", "sla_breaches"].value == 1.0


def test_where_none_waits_there_is_no_oldest_of_all() -> None:
    answered = comment("c", 5), answer("r", 2, "c")
    for names in ("ab", "abc"):  # of the others no comment came
        oldest = deep(answered, names)["backlog", "24h", "oldest_age"]
        assert (oldest.value, oldest.reason, oldest.accounts) == (None, "none_waiting", len(names))
    assert deep([*answered, comment("d", 9, account="b")])["backlog", "24h", "oldest_age"].value == 9 * 3600


def test_whose_sla_is_longer_than_the_window_stays_out_of_the_breaches_of_all() -> None:
    inputs = _deep([comment("c", 5), comment("d", 9, account="b")])
    slow = replace(inputs.clients, sla_ms=np.array([24, 4]) * 3_600_000)
    found = client(snapshots_of(replace(inputs, clients=slow), "ab"))
    assert numbers(found["backlog", "24h", None]) == (2.0, 2.0, 2.0)
    breaches = found["backlog", "24h", "sla_breaches"]
    assert (*numbers(breaches), breaches.accounts, breaches.coverage) == (1.0, 1.0, 1.0, 1, 0.5)


def test_depths_are_averaged_over_all_comments() -> None:
    events = [comment("c", 5), comment("d", 4, parent="c"), comment("e", 3, account="b")]
    found = deep(events)
    depth = found["conversation_depth", "24h", None]
    assert (*numbers(depth), depth.reason) == (pytest.approx(4 / 3), 4.0, 3.0, None)
    assert found["conversation_depth", "24h", "max"].value == 2.0


def test_a_mean_over_posts_keeps_its_value_and_loses_its_interval() -> None:
    events = [post("p", 9), like("l", 8, object="p"), post("q", 9, account="b"), post("r", 8, account="b")]
    found = deep(events, followers=[100.0, 200.0])["engagement_rate_by_post", "24h", None]
    assert (*numbers(found), found.lo) == (pytest.approx(10 / 3), pytest.approx(0.01), 3.0, None)
    assert found.reason == "not_mergeable"


def test_quantiles_of_several_accounts_are_not_known() -> None:
    found = deep([comment("c", 5), answer("r", 4, "c"), comment("d", 5, account="b")])
    wait = found["time_to_first_response", "24h", None]
    assert (wait.value, wait.reason, wait.coverage) == (None, "not_mergeable", 1.0)
    assert {part for kpi, _, part in found if kpi == "time_to_first_response"} == {None}


def test_topics_are_added_by_name_and_a_missing_one_is_none() -> None:
    events = [
        like("a", 3, topics=["rye"]),
        like("b", 3),
        like("c", 3, account="b", topics=["rye", "oat"]),
        like("d", 3, account="b", topics=["oat"]),
    ]
    found = deep(events)
    shares = {part: numbers(it) for (kpi, window, part), it in found.items()
              if (kpi, window) == ("topic_share", "24h")}  # fmt: skip
    assert shares == {
        None: (0.75, 3.0, 4.0),
        "topic:rye": (0.375, 1.5, 4.0),
        "topic:oat": (0.375, 1.5, 4.0),
        "topic:other": (0.25, 1.0, 4.0),
    }


def test_of_an_account_without_a_signal_all_interactions_are_without_it() -> None:
    events = [
        like("a", 3, flags=["bot"]),
        like("b", 3),
        *(like(f"c{n}", 3, account="b") for n in range(8)),
    ]
    found = deep(events)
    assert numbers(found["suspicion_share", "24h", "signal:bot"]) == (0.1, 1.0, 10.0)
    assert numbers(found["suspicion_share", "24h", "interactions"]) == (0.1, 1.0, 10.0)


def test_of_a_venue_share_the_topic_s_own_interactions_are_the_whole() -> None:
    events = [
        like("a", 3, topics=["rye"], venue="elsewhere"),
        like("b", 3, account="b", topics=["rye"]),
        like("c", 3, account="b", topics=["oat"], venue="elsewhere"),
        like("d", 3),
    ]
    found = deep(events)
    assert numbers(found["venue_share", "24h", None]) == (0.5, 2.0, 4.0)
    assert numbers(found["venue_share", "24h", "topic:rye"]) == (0.5, 1.0, 2.0)
    assert numbers(found["venue_share", "24h", "topic:oat"]) == (1.0, 1.0, 1.0)


def test_venues_are_parts_of_all_interactions() -> None:
    words = Vocabulary(venues=frozenset(("forum", "pub")))
    events = [
        like("a", 3, venue="elsewhere", venue_name="forum"),
        like("b", 3, venue="elsewhere"),
        like("c", 3, account="b", venue="elsewhere", venue_name="pub"),
        like("d", 3, account="b"),
    ]
    inputs = replace(_deep([]), net=net_of_events(events, "ab", vocabulary=words))
    found = client(snapshots_of(inputs, "ab"))
    shares = {part: numbers(it) for (kpi, window, part), it in found.items()
              if (kpi, window) == ("venue_share", "24h")}  # fmt: skip
    assert shares == {
        None: (0.75, 3.0, 4.0),
        "venue:forum": (0.25, 1.0, 4.0),
        "venue:pub": (0.25, 1.0, 4.0),
        "venue:other": (0.25, 1.0, 4.0),
    }


def test_a_topic_that_an_account_counts_under_its_rest_is_part_of_the_rest() -> None:
    """Account a has eleven topics and names ten; of t10, which b names, nobody can tell how many a has."""
    many = [like(f"{n}-{m}", 3, topics=[f"t{n:02d}"]) for n in range(11) for m in range(12 - n)]
    events = [
        *many,
        *(like(f"x{n}", 3, account="b", topics=["t10", "t00"][n % 2 : n % 2 + 1]) for n in range(4)),
    ]
    found = deep(events)
    whole, rest = found["topic_share", "24h", None], found["topic_share", "24h", "topic:other"]
    assert ("topic_share", "24h", "topic:t10") not in found
    assert numbers(found["topic_share", "24h", "topic:t00"])[1] == 14.0
    # One or two of t10 at account a, and two at b.
    assert rest.numerator == 4.0
    parts = [it.numerator or 0 for (kpi, window, part), it in found.items()
             if (kpi, window) == ("topic_share", "24h") and part is not None]  # fmt: skip
    assert sum(parts) == whole.denominator == 77 + 4


# -- what holds for all -----


def test_neither_the_order_of_accounts_nor_of_snapshots_changes_a_bit() -> None:
    members = [member(each) for each in of([(3, 1, 0, 0), (2**40, 0, 5, 0), (1, 0, 0, 9)],
                                           followers=[0.1, 0.2, 0.3], coverage=[0.1, 0.7, 0.3])]  # fmt: skip
    found = [aggregates([order]) for order in (members, members[::-1], [*members[1:], members[0]])]
    assert found[0] == found[1] == found[2]


def test_reasons_that_say_that_there_is_nothing_are_reasons() -> None:
    assert set(REASONS) > EMPTY


def test_every_part_that_is_merged_otherwise_is_one() -> None:
    events = [post("p", 9), like("ann", 8), comment("c", 7), post("f", 6, venue="elsewhere")]
    (only,) = snapshots_of(_deep(events, "a"), "a")
    for kpi in KPIS:
        assert set(kpi.merge_parts) <= {it.part for it in only.kpis if it.kpi == kpi.id}
