"""The engine: events in, KPIs out."""
