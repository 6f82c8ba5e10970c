"""Grafana's boards as code. Building them needs grafana-foundation-sdk, running Resonanz does not."""
