"""``python -m tests.bench``: every hot path against a peer and its physical limit, in one run."""
