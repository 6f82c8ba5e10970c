"""What several accounts are together: one client's, those on one platform, or all on a platform.

It is computed from the accounts' newest snapshots and nothing else, anew from numerators and denominators
with the KPI's own interval, as its ``merge`` says (N, F and minutes as in KPIS.md):

- ``count``: the sum, Garwood; ``sum``: the same without an interval;
- ``rate``: Σ numerators / Σ denominators, Garwood; ``share``: the same, Wilson; ``mean``: no interval;
- ``potential``: the denominator is N, once for each client; ``time``: minutes, once for all;
- ``max``: the largest;
- ``people``, ``targets``: different people of each client, over Σ F, or over its target list.

All others are null: ``not_mergeable``; of several clients also those that are ``within_client``. What is
stale, missing, or null for an account does not enter, and the coverage tells: it is the mean over all
accounts, 0 for each that is left out. Sums are rounded once, so that their order does not matter. Of a single
account the figures are its own.
"""
