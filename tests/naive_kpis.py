"""The KPIs of what stands once more, with dictionaries and fractions and nothing else: slow and plain.

It imports nothing of ours, so that an error there cannot hide here. Counts are int and must be met exactly,
Fraction and float nearly; None is null.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from math import comb
from typing import Any
from zoneinfo import ZoneInfo

Event = dict[str, Any]
Number = int | float | Fraction | Decimal | None
Triple = tuple[Number, Number, Number]
"""Value, numerator, denominator."""

Hours = tuple[tuple[tuple[int, int, int], ...], tuple[date, ...]]
"""Weekday (0 for Monday), hour from, hour to; and the days on which nobody is there."""

ABSENT: Triple = (None, None, None)
SIGNALS = frozenset(("bot", "spam", "burst", "near_duplicate", "new_account"))
HALF, NINETY, NINETY_FIVE = Fraction(1, 2), Fraction(9, 10), Fraction(95, 100)


@dataclass
class World:
    """One account, and what its client says. ``brands``: its set, the client's own first.
    ``days``: those before today that were watched.

    ``events``: as they came, all of them not later than ``now``; what was last added before ``begin`` is
    forgotten.
    """

    events: list[Event]
    account: str
    begin: int
    now: int
    start: int
    sla: int
    followers: Callable[[int], float | None]
    mean_followers: float | None
    targets: list[str]
    zone: str
    brands: list[str]
    hours: Hours | None = None
    told: list[tuple[str, str, int, int | None, int | None]] = field(default_factory=list)
    """What platforms say of posts: account, post, time, reach, impressions."""
    days: Collection[int] = range(1, 28)
    burst: tuple[int, int] = (20, 60_000)
    window_ms: int = 0
    """As the window's name says; it begins at ``start``, which may be a little earlier."""


def key_of(event: Event) -> tuple[Any, ...]:
    if event["kind"] == "like" and event.get("actor") and event.get("object"):
        return ("like", event["actor"], event["object"])
    return (event["kind"], "id", event["id"])


def net_events(world: World) -> list[Event]:
    """The newest addition of each key, and whether it stands."""
    operations: dict[tuple[Any, ...], list[Event]] = defaultdict(list)
    for event in world.events:
        if event["account"] == world.account:
            operations[key_of(event)].append(event)
    found = []
    for events in operations.values():
        additions = [event for event in events if event.get("op", "add") == "add"]
        removals = [event["at"] for event in events if event.get("op", "add") == "remove"]
        if additions:
            newest = max(additions, key=lambda event: (event["at"], event.get("count", 1)))
            if newest["at"] >= world.begin:
                found.append(newest | {"stands": not removals or newest["at"] > max(removals)})
    return found


def kpis(world: World) -> dict[tuple[str, str | None], Triple]:
    """Every deep KPI by id and part."""
    net = net_events(world)
    found = [e for e in net if e["stands"] and e["kind"] != "post" and not e.get("own")]
    recent = [event for event in found if event["at"] > world.start]
    return {
        **of_people(world, recent),
        **of_posts(world, net, found),
        **of_told(world, net, recent),
        **of_performance(world, net, found),
        **of_outbound(world, net, found),
        **of_talk(world, [event for event in net if event["kind"] == "comment"]),
        **of_topics(recent),
        **of_venues(recent),
        **of_brands(world.brands, recent),
        **of_trends(world, found, recent),
        **of_suspects(world, found),
        **of_change(world, found),
        **of_calendar(world, found),
    }


def total(events: Iterable[Event]) -> int:
    return sum(event.get("count", 1) for event in events)


def of_change(world: World, found: list[Event]) -> dict[tuple[str, str | None], Triple]:
    length = world.now - world.start
    now = total(event for event in found if event["at"] > world.start)
    before = total(event for event in found if world.start - length < event["at"] <= world.start)
    if world.start - length + 1 < world.begin or now < 0 or before < 0:
        return {("interactions_change", None): ABSENT, ("interactions_change", "p"): ABSENT}
    both = now + before
    tail = Fraction(sum(comb(both, few) for few in range(min(now, before) + 1)), 2**both)
    return {
        ("interactions_change", None): (
            (Fraction(now, before), now, before) if before else (None, now, None)
        ),
        ("interactions_change", "p"): (min(Fraction(1), 2 * tail) if both else None, None, None),
    }


def of_calendar(world: World, found: list[Event]) -> dict[tuple[str, str | None], Triple]:
    def day_of(at: int) -> date:
        return datetime.fromtimestamp(at / 1000, ZoneInfo(world.zone)).date()

    triples: dict[tuple[str, str | None], Triple] = {}
    today = day_of(world.now)
    week = today.isocalendar()[:2]
    before = (today - timedelta(days=7)).isocalendar()[:2]
    holding: dict[str, Callable[[date], bool]] = {
        "today": lambda day: day == today,
        "yesterday": lambda day: day == today - timedelta(days=1),
        "this_week": lambda day: day.isocalendar()[:2] == week,
        "last_week": lambda day: day.isocalendar()[:2] == before,
        "this_month": lambda day: (day.year, day.month) == (today.year, today.month),
    }
    for name, holds in holding.items():
        count = total(event for event in found if holds(day_of(event["at"])))
        triples["calendar_interactions", name] = (count, count, None)
        triples["calendar_interactions_per_potential", name] = (None, count, None)
    return triples


def share(chosen: int | Fraction, whole: int | Fraction) -> Triple:
    """Negative totals, and parts that exceed their whole, are no share."""
    if whole <= 0 or chosen < 0 or chosen > whole:
        return ABSENT
    return Fraction(chosen) / Fraction(whole), chosen, whole


def of_suspects(world: World, found: list[Event]) -> dict[tuple[str, str | None], Triple]:
    told = [(e, s) for e, s in zip(found, signals(world, found), strict=True) if e["at"] > world.start]
    recent, suspects = [event for event, _ in told], [event for event, its in told if its]
    comments, bad = ([e for e in each if e["kind"] == "comment"] for each in (recent, suspects))
    by_name = {name: [event for event, its in told if name in its] for name in SIGNALS}
    return {
        ("suspicion_share", None): share(total(bad), total(comments)),
        ("suspicion_share", "interactions"): share(total(suspects), total(recent)),
        **{
            ("suspicion_share", f"signal:{name}"): share(total(its), total(recent))
            for name, its in by_name.items()
            if its
        },
    }


def signals(world: World, found: list[Event]) -> list[set[str]]:
    """What is suspect of each interaction that stands."""
    most, within = world.burst
    single = [event for event in found if event.get("actor") and event.get("count", 1) == 1]
    bursts = []
    for first in single:
        after = [
            event
            for event in single
            if event["actor"] == first["actor"] and first["at"] <= event["at"] < first["at"] + within
        ]
        bursts += after if len(after) > most else []
    flags = [set(SIGNALS.intersection(event.get("flags", ()))) for event in found]
    return [its | {"burst"} if event in bursts else its for event, its in zip(found, flags, strict=True)]


def of_people(world: World, recent: list[Event]) -> dict[tuple[str, str | None], Triple]:
    people = {e["actor"] for e in recent if e.get("actor") is not None and e.get("count", 1) > 0}
    wanted = set(world.targets)
    size = world.mean_followers
    return {
        ("target_coverage", None): share(len(people & wanted), len(wanted)),
        ("active_audience", None): ABSENT,
        ("active_audience", "actors_per_follower"): (
            (len(people) / size, len(people), size) if size else (None, len(people), None)
        ),
    }


def of_posts(world: World, net: list[Event], found: list[Event]) -> dict[tuple[str, str | None], Triple]:
    published = published_in(net, "own")
    on = by_post(found, published)
    rates = []
    for name, at in published.items():
        followers = world.followers(at)
        if at > world.start and followers:
            rates.append(total(on[name]) / followers)
    rate: Triple = (1000 * sum(rates) / len(rates), float(sum(rates)), len(rates)) if rates else ABSENT
    waits = {
        name: [max(0, e["at"] - at) for e in on[name] if e["at"] > world.start and e.get("count", 1) == 1]
        for name, at in published.items()
    }
    every = [wait for each in waits.values() for wait in each]
    halves = [quantile(each, HALF) for each in waits.values() if each]
    by_hour: dict[str, list[int]] = defaultdict(list)
    for name, each in waits.items():
        hour = datetime.fromtimestamp(published[name] / 1000, ZoneInfo(world.zone)).hour
        by_hour[f"hour:{hour:02d}"] += each
    return {
        ("engagement_rate_by_post", None): rate,
        ("reaction_time", None): seconds(every, HALF),
        ("reaction_time", "p90"): seconds(every, NINETY),
        ("reaction_time", "half_life"): seconds(halves, HALF),
        **{("reaction_time", hour): seconds(each, HALF) for hour, each in by_hour.items() if each},
    }


def published_in(net: list[Event], venue: str) -> dict[str, int]:
    """When each own post there was published."""
    published: dict[str, int] = {}
    for event in net:
        if event["kind"] == "post" and event["stands"] and event.get("venue", "own") == venue:
            name = event.get("object") or event["id"]
            published[name] = min(event["at"], published.get(name, event["at"]))
    return published


def by_post(found: list[Event], published: dict[str, int]) -> dict[str, list[Event]]:
    on: dict[str, list[Event]] = defaultdict(list)
    for event in found:
        thread = event.get("thread") if event["kind"] == "comment" else None
        for name in (event.get("object"), thread):
            if name in published:
                on[name].append(event)
                break
    return on


def of_told(world: World, net: list[Event], recent: list[Event]) -> dict[tuple[str, str | None], Triple]:
    published = {name: at for name, at in published_in(net, "own").items() if at > world.start}
    on = by_post(recent, published)
    found: dict[tuple[str, str | None], Triple] = {}
    for kpi, column, kinds in (
        ("engagement_rate_by_reach", 0, ("like", "comment", "share")),
        ("virality", 1, ("share",)),
    ):
        newest: dict[str, tuple[int, int]] = {}
        for one in world.told:
            account, post, at = one[:3]
            figure = (one[3], one[4])[column]
            if account == world.account and world.begin <= at <= world.now and figure is not None:
                newest[post] = max(newest.get(post, (at, figure)), (at, figure))
        usable = [name for name in published if name in newest]
        count = total(event for name in usable for event in on[name] if event["kind"] in kinds)
        whole = sum(newest[name][1] for name in usable)
        found[kpi, None] = (Fraction(1000 * count, whole), count, whole) if whole else (None, count, None)
    return found


def of_performance(
    world: World, net: list[Event], found: list[Event]
) -> dict[tuple[str, str | None], Triple]:
    published = published_in(net, "own")
    on = by_post(found, published)
    told: list[tuple[str, Triple]] = []
    for name, at in published.items():
        if at > world.start:
            count = total(on[name])
            before = sorted((then, other) for other, then in published.items() if then < at)[-100:]
            reached = [
                total(e for e in on[other] if e["at"] - then <= world.now - at) for then, other in before
            ]
            usual = middle_half(reached)
            if usual is not None and usual > 0:
                told.append((name, (count / usual, count, usual)))
            else:
                told.append((name, (None, count, None)))
    values = [triple[0] for _, triple in told if triple[0] is not None]
    top = sorted(told, key=lambda one: (-one[1][1], published[one[0]]))[:10]  # type: ignore[operator]
    return {
        ("over_performance", None): (quantile(values, HALF), None, len(values)) if values else ABSENT,
        **{("over_performance", f"post:{name}"): triple for name, triple in top},
    }


def middle_half(counts: list[int]) -> Fraction | None:
    """The mean of what lies between a quarter and three quarters, each count four times."""
    if len(counts) < 4:
        return None
    quarters = [count for count in sorted(counts) for _ in range(4)]
    inside = quarters[len(counts) : 3 * len(counts)]
    return Fraction(sum(inside), len(inside))


def of_outbound(world: World, net: list[Event], found: list[Event]) -> dict[tuple[str, str | None], Triple]:
    rates: list[Triple] = []
    for venue in ("elsewhere", "own"):
        published = {name: at for name, at in published_in(net, venue).items() if at > world.start}
        on = by_post(found, published)
        count = total(e for name, at in published.items() for e in on[name] if e["at"] - at <= 72 * 3_600_000)
        many = len(published)
        rates.append((Fraction(count, many), count, many) if many else (None, count, None))
    away, home = rates[0][0], rates[1][0]
    known = away is not None and home is not None and away >= 0 and home > 0
    return {
        ("outbound_effect", None): (away / home, away, home) if known else ABSENT,  # type: ignore[operator]
        ("outbound_effect", "elsewhere"): rates[0],
        ("outbound_effect", "own"): rates[1],
    }


def quantile(values: list[Any], part: Fraction) -> Fraction:
    """Linear between the two values about it."""
    ordered = sorted(values)
    place = (len(ordered) - 1) * part
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return Fraction(ordered[below] + (ordered[above] - ordered[below]) * (place - below))


def seconds(values: list[Any], part: Fraction) -> Triple:
    return (quantile(values, part) / 1000, None, len(values)) if values else ABSENT


def of_talk(world: World, comments: list[Event]) -> dict[tuple[str, str | None], Triple]:
    said = {comment["id"]: comment for comment in comments}
    asked = [
        c for c in comments
        if c["stands"] and not c.get("own") and c.get("count", 1) == 1 and c["at"] > world.start
    ]  # fmt: skip
    waits: list[tuple[int, bool]] = []
    in_business: list[tuple[int, bool]] = []
    due = kept = breached = 0
    oldest = None
    for question in asked:
        answers = [
            max(reply["at"], question["at"])
            for reply in comments
            if reply.get("own") and reply["stands"] and reply.get("parent") == question["id"]
        ]
        deadline = question["at"] + world.sla
        passed = deadline <= world.now and world.sla < world.window_ms
        due += passed
        kept += passed and bool(answers) and min(answers) <= deadline
        waits.append((min(answers, default=world.now) - question["at"], bool(answers)))
        if world.hours:
            open_ms = business(world, question["at"], min(answers, default=world.now))
            in_business.append((open_ms, bool(answers)))
        if not answers:
            breached += passed
            oldest = min(question["at"], oldest or question["at"])
    open_ones = sum(not answered for _, answered in waits)
    age = None if oldest is None else Fraction(world.now - oldest, 1000)
    found: dict[tuple[str, str | None], Triple] = {
        ("response_rate", None): share(kept, due),
        ("backlog", None): (open_ones, open_ones, len(asked)),
        ("backlog", "oldest_age"): (age, age, len(asked)),
        ("backlog", "sla_breaches"): (
            (breached, breached, len(asked)) if world.sla < world.window_ms else (None, None, len(asked))
        ),
        ("reciprocity", None): reciprocity(world, said),
    }
    for part, wanted in ((None, HALF), ("p90", NINETY), ("p95", NINETY_FIVE)):
        whole = (len(asked) - open_ones, len(asked)) if asked else (None, None)
        found["time_to_first_response", part] = (survival(waits, wanted), *whole)
        named = "business" if part is None else f"business_{part}"
        found["time_to_first_response", named] = (survival(in_business, wanted), *whole)
    depths: dict[Any, list[int]] = defaultdict(list)
    for comment in asked:
        depth = depth_of(comment, said)
        if depth:
            depths[thread_of(comment, said)].append(depth)
    every = [depth for thread in depths.values() for depth in thread]
    found["conversation_depth", None] = mean(every)
    found["conversation_depth", "max"] = mean([max(every)] if every else [])
    found["conversation_depth", "thread_max"] = mean([max(thread) for thread in depths.values()])
    means = [Fraction(sum(thread), len(thread)) for thread in depths.values()]
    found["conversation_depth", "thread_mean"] = mean(means)
    return found


def clock(day: date, hour: int, zone: ZoneInfo) -> int:
    """When it is so late there."""
    day, hour = (day + timedelta(days=1), 0) if hour == 24 else (day, hour)
    return int(datetime(day.year, day.month, day.day, hour, tzinfo=zone).timestamp()) * 1000


def business(world: World, begin: int, end: int) -> int:
    """Milliseconds between the two within the hours, day by day of the client's calendar."""
    week, closed = world.hours or ((), ())
    zone, found = ZoneInfo(world.zone), 0
    first, last = (datetime.fromtimestamp(at / 1000, zone).toordinal() for at in (begin, end))
    for ordinal in range(first, last + 1):
        day = date.fromordinal(ordinal)
        for weekday, start, stop in week:
            if weekday == day.weekday() and day not in closed:
                opens, closes = (clock(day, hour, zone) for hour in (start, stop))
                found += max(0, min(closes, end) - max(opens, begin))
    return found


def mean(values: list[Any]) -> Triple:
    return (Fraction(sum(values)) / len(values), sum(values), len(values)) if values else ABSENT


def survival(waits: list[tuple[int, bool]], part: Fraction) -> Fraction | None:
    """When no more than 1 − part still wait, by the product-limit estimate."""
    waiting = Fraction(1)
    for time in sorted({wait for wait, answered in waits if answered}):
        at_risk = sum(wait >= time for wait, _ in waits)
        done = sum(wait == time and answered for wait, answered in waits)
        waiting *= 1 - Fraction(done, at_risk)
        if waiting <= 1 - part:
            return Fraction(time, 1000)
    return None


def way_up(comment: Event, said: dict[str, Event]) -> list[Event] | None:
    """The comment, its parent, and so on; None in a circle."""
    way, seen = [comment], {comment["id"]}
    while way[-1].get("parent") in said:
        parent = said[way[-1]["parent"]]
        if parent["id"] in seen:
            return None
        seen.add(parent["id"])
        way.append(parent)
    return way


def depth_of(comment: Event, said: dict[str, Event]) -> int:
    way = way_up(comment, said)
    return 0 if way is None else len(way) + (way[-1].get("parent") is not None)


def thread_of(comment: Event, said: dict[str, Event]) -> Any:
    root = (way_up(comment, said) or [comment])[-1]
    for told in (comment, root):
        if told.get("thread") or told.get("object"):
            return told.get("thread") or told["object"]
    return ("tree of", root["id"])


def reciprocity(world: World, said: dict[str, Event]) -> Triple:
    threads, returned = set(), set()
    for comment in said.values():
        if not other(comment) or comment["at"] <= world.start:
            continue
        threads.add(thread_of(comment, said))
        parent = said.get(comment.get("parent", ""))
        if parent and parent["stands"] and parent.get("own"):
            grandparent = said.get(parent.get("parent", ""))
            if grandparent and other(grandparent):
                returned.add(thread_of(comment, said))
    return share(len(returned), len(threads))


def other(comment: Event) -> bool:
    return comment["stands"] and not comment.get("own") and comment.get("count", 1) == 1


def by_topic(events: Iterable[Event]) -> dict[str, Fraction]:
    counts: dict[str, Fraction] = defaultdict(Fraction)
    for event in events:
        topics = topics_of(event)
        for topic in topics:
            counts[topic] += Fraction(event.get("count", 1), len(topics))
    return counts


def topics_of(event: Event) -> set[str]:
    topics = set(event.get("topics", ()))
    return topics if len(topics) <= 16 else set()


def of_topics(recent: list[Event]) -> dict[tuple[str, str | None], Triple]:
    counts, whole = by_topic(recent), total(recent)
    return {
        ("topic_share", None): share(total(event for event in recent if topics_of(event)), whole),
        **largest("topic_share", "topic", counts, whole, whole),
    }


def largest(
    kpi: str, prefix: str, counts: dict[str, Fraction], together: int, whole: int
) -> dict[tuple[str, str | None], Triple]:
    """Ten by name, and what is left of all together."""
    named = sorted((name for name in counts if name != "other"), key=lambda name: (-counts[name], name))[:10]
    found: dict[tuple[str, str | None], Triple] = {
        (kpi, f"{prefix}:{name}"): share(counts[name], whole) for name in named
    }
    found[kpi, f"{prefix}:other"] = share(together - sum(counts[name] for name in named), whole)
    return found


def of_venues(recent: list[Event]) -> dict[tuple[str, str | None], Triple]:
    away = [event for event in recent if event.get("venue") == "elsewhere"]
    counts, elsewhere = by_topic(recent), by_topic(away)
    venues: dict[str, Fraction] = defaultdict(Fraction)
    for event in away:
        if event.get("venue_name"):
            venues[event["venue_name"]] += event.get("count", 1)
    return {
        ("venue_share", None): share(total(away), total(recent)),
        **largest("venue_share", "venue", venues, total(away), total(recent)),
        **{
            ("venue_share", f"topic:{topic}"): share(elsewhere.get(topic, Fraction()), count)
            for topic, count in counts.items()
        },
    }


def of_brands(brands: list[str], recent: list[Event]) -> dict[tuple[str, str | None], Triple]:
    found: dict[tuple[str, str | None], Triple] = {}
    mentions = [event for event in recent if event["kind"] != "like"]
    for part, events in ((None, recent), ("mentions", mentions)):
        counts: dict[str, Fraction] = defaultdict(Fraction)
        for event in events:
            about = topics_of(event) & set(brands)
            for brand in about:
                counts[brand] += Fraction(event.get("count", 1), len(about))
        whole = sum(counts.values(), Fraction())
        found["share_of_voice", part] = share(counts[brands[0]], whole) if brands else ABSENT
        if part is None:
            found |= {("share_of_voice", f"brand:{brand}"): share(counts[brand], whole) for brand in brands}
    return found


def of_trends(world: World, found: list[Event], recent: list[Event]) -> dict[tuple[str, str | None], Triple]:
    scores: dict[str, Triple] = {}
    large = False
    for topic in {topic for event in recent for topic in topics_of(event)}:
        now = [event for event in recent if topic in topics_of(event)]
        people = {event["actor"] for event in now if event.get("actor") and event.get("count", 1) > 0}
        if total(now) < 5 or len(people) < 3:
            continue
        large = True
        earlier = {}
        for day in world.days:
            back = day * 86_400_000
            then = [event for event in found if world.start - back < event["at"] <= world.now - back]
            earlier[day] = max(0, total(event for event in then if topic in topics_of(event)))
        if len(earlier) >= 7:
            scores[topic] = max(
                (surprise(total(now), few) for few in (earlier, at_weekday(earlier)) if few),
                key=lambda one: one[0],
            )[1]
    best = sorted(scores, key=lambda topic: (-(scores[topic][0] or 0), topic))[:10]
    watched = len(world.days)
    return {
        ("trending", None): scores[best[0]] if best else ABSENT,
        ("trending", "days"): (watched, watched, 27) if large else ABSENT,
        **{("trending", f"topic:{topic}"): scores[topic] for topic in best},
    }


def at_weekday(days: dict[int, int]) -> dict[int, int]:
    return {day: many for day, many in days.items() if day % 7 == 0}


def surprise(now: int, days: dict[int, int]) -> tuple[Decimal, Triple]:
    """P(X ≥ now), the terms of the negative binomial distribution summed up; and the score."""
    with localcontext(prec=50):
        shape, share = Decimal(sum(days.values())) + Decimal("0.5"), 1 / Decimal(len(days) + 1)
        term = (1 - share) ** shape
        for x in range(now):
            term *= (shape + x) / (x + 1) * share
        tail, x = term, now
        while term > tail * Decimal("1e-30"):
            term *= (shape + x) / (x + 1) * share
            tail, x = tail + term, x + 1
        mean = Fraction(2 * sum(days.values()) + 1, 2 * len(days))
        return tail, (-tail.log10(), now, mean)
