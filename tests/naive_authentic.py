"""The engagement KPIs without what is suspect or excluded once more, with lists and fractions."""

from collections.abc import Callable
from fractions import Fraction

from tests.naive_kpis import (
    Event,
    Number,
    Triple,
    World,
    net_events,
    of_posts,
    of_told,
    share,
    signals,
    total,
)

KINDS = ("like", "comment", "share")
Figures = dict[tuple[str, str], Triple]


def authentic(
    world: World, excluded: Callable[[Event], bool], weights: dict[str, Fraction], potential: int
) -> Figures:
    """Every authentic part; none of a KPI where nothing is left out."""
    net = net_events(world)
    found = [e for e in net if e["stands"] and e["kind"] != "post" and not e.get("own")]
    suspect = [bool(its) for its in signals(world, found)]
    out = [event for event, bad in zip(found, suspect, strict=True) if bad or excluded(event)]
    kept = [event for event in found if event not in out]
    figures: Figures = {}
    if out:
        since = [event for event in kept if event["at"] > world.start]
        of = {**of_posts(world, net, kept), **of_told(world, net, since)}
        for name in ("engagement_rate_by_post", "engagement_rate_by_reach", "virality"):
            figures[name, "authentic"] = of[name, None]
    if any(event["at"] > world.start for event in out):
        posts = [e for e in net if e["kind"] == "post" and e["stands"] and e.get("venue", "own") == "own"]
        published = sum(post["at"] > world.start for post in posts)
        recent = [event for event in kept if event["at"] > world.start]
        figures |= of_counts(world, recent, weights, potential, published)
    return figures


def of_counts(
    world: World, recent: list[Event], weights: dict[str, Fraction], potential: int, published: int
) -> Figures:
    whole = total(recent)
    kinds = {kind: total(event for event in recent if event["kind"] == kind) for kind in KINDS}
    weighted = sum((weights[kind] * count for kind, count in kinds.items()), Fraction())
    minutes = Fraction(world.now - world.start, 60_000)
    figures: Figures = {
        ("interactions", "authentic"): (whole, whole, None),
        ("weighted_interactions", "authentic"): (weighted, weighted, whole),
        ("velocity", "authentic"): (whole / minutes, whole, minutes),
        ("engagement_rate_by_followers", "authentic"): per_thousand(whole, world.mean_followers),
        ("interactions_per_potential", "authentic"): per_thousand(whole, potential),
    }
    for kind, name in zip(KINDS, ("applause", "conversation", "amplification"), strict=True):
        count = kinds[kind]
        figures["interactions", f"authentic:{kind}"] = (count, count, None)
        figures["interaction_mix", f"authentic:{kind}"] = share(count, whole)
        figures[name, "authentic"] = (
            (Fraction(count, published), count, published) if published else (None, count, None)
        )
    return figures


def per_thousand(count: int, exposure: float | None) -> Triple:
    rate: Number = 1000 * Fraction(count) / Fraction(exposure) if exposure else None
    return rate, count, exposure or None
