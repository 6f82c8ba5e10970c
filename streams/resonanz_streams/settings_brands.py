"""Mistakes in clients' brand sets, found in the raw data so that each has its own line."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from resonanz_streams.yaml_lines import Place


def brand_mistakes(clients: Any) -> Iterator[tuple[Place, str]]:
    """Brands that stand twice or are no topics of the client's, and a brand that is not in its own set.

    Whatever is of the wrong type is passed over: the settings' types say so.
    """
    for name, client in clients.items() if isinstance(clients, Mapping) else ():
        voice = client.get("voice") if isinstance(client, Mapping) else None
        if isinstance(voice, Mapping):
            topics, brands, brand = client.get("topics"), voice.get("brands"), voice.get("brand")
            place = "clients", name, "voice"
            if isinstance(brands, list):
                known = topics if isinstance(topics, Mapping) else ()
                yield from _of_set((*place, "brands"), brands, [it for it in known if isinstance(it, str)])
                if isinstance(brand, str) and brand not in brands:
                    yield (*place, "brand"), f"{brand!r} is not one of brands; write it there, too"


def _of_set(place: Place, brands: Sequence[Any], topics: Sequence[str]) -> Iterator[tuple[Place, str]]:
    for number, brand in enumerate(brands):
        if isinstance(brand, str):
            if brand in brands[:number]:
                yield (*place, number), f"{brand!r} stands there already; leave one of them"
            elif brand not in topics:
                near = difflib.get_close_matches(brand, topics, 1)
                hint = f"did you mean {near[0]!r}?" if near else "write it under topics, too"
                yield (*place, number), f"{brand!r} is no topic of this client; {hint}"
