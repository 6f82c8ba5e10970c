"""The KPIs, one pure module each; this list is the only place that names them all."""

from typing import Final

from resonanz_streams.kpis import (
    active_audience,
    amplification,
    applause,
    backlog,
    conversation,
    conversation_depth,
    engagement_rate_by_followers,
    engagement_rate_by_post,
    interaction_mix,
    interactions,
    interactions_per_potential,
    reaction_time,
    reciprocity,
    response_rate,
    share_of_voice,
    suspicion_share,
    target_coverage,
    time_to_first_response,
    topic_share,
    velocity,
    venue_share,
    weighted_interactions,
)
from resonanz_streams.kpis.base import Kpi

KPIS: Final[tuple[Kpi, ...]] = (
    interactions.KPI,
    weighted_interactions.KPI,
    velocity.KPI,
    engagement_rate_by_followers.KPI,
    engagement_rate_by_post.KPI,
    applause.KPI,
    conversation.KPI,
    amplification.KPI,
    interaction_mix.KPI,
    interactions_per_potential.KPI,
    target_coverage.KPI,
    active_audience.KPI,
    response_rate.KPI,
    time_to_first_response.KPI,
    backlog.KPI,
    reaction_time.KPI,
    conversation_depth.KPI,
    reciprocity.KPI,
    topic_share.KPI,
    venue_share.KPI,
    share_of_voice.KPI,
    suspicion_share.KPI,
)
