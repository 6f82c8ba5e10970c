"""Peers: each counts the same events per account, kind and 10 s, in the way that serves it best."""
