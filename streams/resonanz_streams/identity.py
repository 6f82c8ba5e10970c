"""What identifies events, posts and parents of comments: hashes, the same in all versions and machines."""

import json
from collections.abc import Iterable, Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest

from resonanz_streams.events import Event, Post

Hashes = NDArray[np.uint64]


def hashes(texts: Iterable[str | None]) -> Hashes:
    """A hash of each text; 0 of None."""
    digest = xxh3_64_intdigest
    return np.array([0 if text is None else digest(text.encode()) for text in texts], dtype=np.uint64)


def key_hashes(kind: str, events: Sequence[Event | Post], *, nul: bool) -> Hashes:
    """What identifies each event, as a hash that is stable between versions and machines.

    ``nul`` says that some string may hold the separator itself: JSON spells it with a backslash.
    """
    if kind == "like":
        texts = [
            f"{like.account}\0{like.source}\0{like.actor}\0{like.object}"
            if like.actor is not None and like.object is not None
            else f"{like.account}\0like\0{like.source}\0{like.id}\0"
            for like in cast("Sequence[Event]", events)
        ]
    else:
        texts = [f"{event.account}\0{kind}\0{event.source}\0{event.id}\0" for event in events]
    if nul:
        texts = [_unambiguous(kind, event, text) for event, text in zip(events, texts, strict=True)]
    return hashes(texts)


def parent_keys(comments: Sequence[Event], *, nul: bool) -> Hashes:
    """The key of the comment that each of these answers; 0 where it stands at the top of its thread."""
    return hashes([_parent(comment, nul=nul) for comment in comments])


def _parent(comment: Event, *, nul: bool) -> str | None:
    parent = comment.parent
    # The thread is named by its root; the object may be an own comment that is answered.
    if parent is None or parent == (comment.thread or comment.object):
        return None
    parts = (comment.account, "comment", comment.source, parent)
    if nul and any("\0" in part for part in parts):
        return _spelled(by_actor=False, parts=parts)
    return "\0".join(parts) + "\0"


def _unambiguous(kind: str, event: Event | Post, text: str) -> str:
    """``text``, or where a part holds the separator a spelling that no other key has."""
    by_actor = False
    parts = (event.account, kind, event.source, event.id)
    if isinstance(event, Event) and kind == "like" and event.actor is not None and event.object is not None:
        by_actor, parts = True, (event.account, event.source, event.actor, event.object)
    return _spelled(by_actor=by_actor, parts=parts) if any("\0" in part for part in parts) else text


def _spelled(*, by_actor: bool, parts: Sequence[str]) -> str:
    return "\0" + json.dumps((by_actor, *parts))
