"""Thin Faust agents: they hand runs of records to the worker."""
