"""What an addition says besides its count: by whom, to what, where in the talk, where, about what.

A row of numbers an addition, so that it is kept, merged and compared like any other column. People, posts
and comments are hashes; what few values share (venue, topics, flags) is one number, the hash of a
:class:`Facet`, and stands in a table of its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, cast

import msgspec
import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest

from resonanz_streams.events import LEDGER_KINDS, SIGNALS, Event, Post
from resonanz_streams.identity import hashes, parent_keys

ACTOR, OBJECT, PARENT, THREAD, FACET, PLACE = range(6)
WIDTH: Final = 6
"""Columns of details.

``ACTOR``, ``OBJECT``, ``THREAD``: hashes of the strings. ``PARENT``: the ledger's key of the comment that was
answered, 0 if it stands at the top. ``FACET``: see :class:`Facets`. ``PLACE``: see :func:`place_of`.
"""

MOST_TOPICS: Final = 16
"""An item of more topics says nothing of any one of them: it counts as one without."""

_MOST_KNOWN: Final = 8_192
_NONE: Final[frozenset[str]] = frozenset()


class Facet(msgspec.Struct, frozen=True, array_like=True):
    """Where something happened and what it was about.

    ``own``: by the client's own people. ``venue_name``: of the client's watched venues. ``topics``: of the
    client's vocabulary, in order, none twice; so are ``flags``. ``post``: what a post is called on its
    platform.
    """

    own: bool = False
    venue: Literal["own", "elsewhere"] = "own"
    venue_name: str | None = None
    topics: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    post: str | None = None


PLAIN: Final = Facet()
_encoder: Final = msgspec.msgpack.Encoder()


class Vocabulary(NamedTuple):
    """What a client has words for: its topics, the venues that it watches, and the flags that decide about
    something. What else events say is not kept, so that they cannot fill the memory."""

    topics: frozenset[str] = _NONE
    venues: frozenset[str] = _NONE
    flags: frozenset[str] = frozenset(SIGNALS)


class Facets:
    """The facets of one partition by their number, a hash; 0 is the plain one, which most are."""

    def __init__(self) -> None:
        self._facets: dict[int, Facet] = {0: PLAIN}
        self._known: dict[tuple[object, ...], int] = {}

    def table(self) -> Mapping[int, Facet]:
        """All that are known now, by number; it only grows, and what is forgotten later stays in it."""
        return self._facets

    def keep(self, arrays: Iterable[NDArray[Any]]) -> None:
        """Forget all that are not in these details (arrays that are none are passed over): every post has a
        facet of its own."""
        used = {0}.union(*(np.unique(array[:, FACET]).tolist() for array in arrays if array.ndim > 1))
        self._facets = {number: self._facets[number] for number in used}

    def learn(self, facets: Iterable[Facet]) -> list[int]:
        """The numbers of these."""
        return [self._number(facet) for facet in facets]

    def _number(self, facet: Facet) -> int:
        if facet == PLAIN:
            return 0
        number = xxh3_64_intdigest(_encoder.encode(facet))
        self._facets[number] = facet
        return number

    def of(self, event: Event | Post, vocabulary: Vocabulary, *, own: bool) -> int:
        """The number of an event's facet; topics, venues and flags that the vocabulary lacks are left out."""
        topics = vocabulary.topics.intersection(event.topics) if event.topics else _NONE
        if len(topics) > MOST_TOPICS:
            topics = _NONE
        watched = event.venue == "elsewhere" and event.venue_name in vocabulary.venues
        venue_name = event.venue_name if watched else None
        if isinstance(event, Post):
            post = event.object or event.id
            return self._number(Facet(own, event.venue, venue_name, tuple(sorted(topics)), post=post))
        flags = vocabulary.flags.intersection(event.flags) if event.flags else _NONE
        said = (own, event.venue, venue_name, topics, flags)
        number = self._known.get(said)
        if number is None or number not in self._facets:
            number = self._number(
                Facet(own, event.venue, venue_name, tuple(sorted(topics)), tuple(sorted(flags)))
            )
            if len(self._known) == _MOST_KNOWN:
                self._known.clear()
            self._known[said] = number
        return number


def details_of(
    kind: str,
    events: Sequence[Event | Post],
    accounts: NDArray[np.uint32],
    vocabularies: Sequence[Vocabulary],
    facets: Facets,
    *,
    own: Sequence[int],
    nul: bool,
) -> NDArray[np.uint64]:
    """Shape (n, WIDTH). ``accounts``: the row of each event's; ``vocabularies``: that of each event's client;
    ``own``: places of events by the client's own people; ``nul``: see
    :func:`resonanz_streams.identity.key_hashes`."""
    details = np.zeros((len(events), WIDTH), dtype=np.uint64)
    details[:, PLACE] = place_of(accounts, np.uint8(LEDGER_KINDS.index(kind)))
    if kind == "post":
        details[:, OBJECT] = hashes([post.object or post.id for post in events])
        details[:, FACET] = [
            facets.of(post, vocabulary, own=False)
            for post, vocabulary in zip(events, vocabularies, strict=True)
        ]
        return details
    interactions = cast("Sequence[Event]", events)
    details[:, FACET] = [
        facets.of(event, vocabulary, own=False)
        if event.topics or event.flags or event.venue == "elsewhere"
        else 0
        for event, vocabulary in zip(interactions, vocabularies, strict=True)
    ]
    for place in own:
        details[place, FACET] = facets.of(events[place], vocabularies[place], own=True)
    details[:, ACTOR] = hashes([event.actor for event in interactions])
    details[:, OBJECT] = hashes([event.object for event in interactions])
    if kind == "comment":
        details[:, PARENT] = parent_keys(interactions, nul=nul)
        details[:, THREAD] = hashes([event.thread or event.object for event in interactions])
    return details


def place_of(accounts: NDArray[np.uint32], kinds: NDArray[np.uint8] | np.uint8) -> NDArray[np.uint64]:
    """Account row and kind in one number."""
    return accounts.astype(np.uint64) << np.uint64(8) | kinds


def facet_table(
    details: NDArray[np.uint64], facets: Mapping[int, Facet]
) -> tuple[Sequence[Facet], NDArray[np.intp]]:
    """The distinct facets of some details, and per row which of them it has."""
    if not details[:, FACET].any():
        return [PLAIN], np.zeros(len(details), dtype=np.intp)
    numbers, places = np.unique(details[:, FACET], return_inverse=True)
    return [facets[number] for number in numbers.tolist()], places
