"""What things are called: posts, their topics and the venues, in the words of each client."""

from collections.abc import Sequence

import msgspec

from resonanz_connectors.simulator_draws import named
from resonanz_connectors.simulator_model import Public
from resonanz_streams.registry import Account, Registry

_MANY = (0, 0, 1, 1, 1, 1, 2, 2, 2, 3)
"""How many topics a post has, each as likely."""
_KEPT_POSTS = 100_000


class Words:
    """The vocabulary of each account's client; and what of it stands in a line, as JSON."""

    def __init__(self, registry: Registry, accounts: Sequence[Account], public: Public) -> None:
        vocabularies = [registry.clients[account.client].vocabulary for account in accounts]
        self._topics = [sorted(vocabulary.topics) for vocabulary in vocabularies]
        self._venues = [sorted(vocabulary.venues) for vocabulary in vocabularies]
        self._keys = public.keys.tolist()
        self._written: dict[tuple[int, int], tuple[str, str]] = {}

    def topics(self, row: int, post: int) -> tuple[str, ...]:
        """None to three of the client's."""
        number, many = divmod(named("topics", self._keys[row], post), len(_MANY))
        left, found = list(self._topics[row]), []
        for _ in range(min(_MANY[many], len(left))):
            number, place = divmod(number, len(left))
            found.append(left.pop(place))
        return tuple(found)

    def venue_name(self, row: int, venue: int) -> str | None:
        """None for the account's own page, and where the client watches none."""
        venues = self._venues[row]
        return venues[venue - 1] if 0 < venue <= len(venues) else None

    def written(self, row: int, post: int) -> tuple[str, str]:
        """The fields ``object`` and ``topics`` of what is about a post."""
        known = self._written.get((row, post))
        if known is not None:
            return known
        if len(self._written) >= _KEPT_POSTS:
            self._written.clear()
        topics = self.topics(row, post)
        field = f',"topics":{msgspec.json.encode(topics).decode()}' if topics else ""
        written = f',"object":"{post_name(post)}"', field
        self._written[row, post] = written
        return written

    def written_venues(self, row: int) -> list[str]:
        """The fields ``venue`` and ``venue_name`` of each venue, in their order."""
        away = ',"venue":"elsewhere"'
        names = [f',"venue_name":{msgspec.json.encode(name).decode()}' for name in self._venues[row]]
        return ["", *(away + name for name in names or [""])]


def post_name(post: int) -> str:
    """What a post, or an own comment elsewhere, is called on its platform."""
    return f"p{post}" if post >= 0 else f"e{-1 - post}"
