"""What every endpoint is given: the wall's parts, who is asking, and what of it exists for them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

import msgspec
from fastapi import Depends, Request, Response
from fastapi.security import HTTPBearer

from resonanz_dashboards.access import Access, Scope, UnauthorizedError
from resonanz_dashboards.board_state import BoardState, Visible
from resonanz_dashboards.client_series import ClientSeries
from resonanz_dashboards.entries import Entry
from resonanz_dashboards.problems import MEDIA_TYPE, ProblemError
from resonanz_dashboards.relay import Worker
from resonanz_dashboards.stream import Streams

Responses = dict[int | str, dict[str, Any]]
PROBLEM: Final[Responses] = {
    "default": {
        "description": "A problem document (RFC 9457).",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}


@dataclass(frozen=True, slots=True)
class Wall:
    """What the API is made of; one per process, in ``app.state.wall``. ``is_current``: whether it goes by
    what stands in the configuration now."""

    board: BoardState
    access: Access
    worker: Worker
    streams: Streams
    series: ClientSeries
    is_current: Callable[[], bool] = field(default=lambda: True)

    def client_names(self, scope: Scope) -> Sequence[str]:
        """The clients that exist for this viewer, in the configuration's order."""
        return [name for name in self.board.registry.clients if scope.sees(name)]

    def entry(self, scope: Scope, account: str) -> Entry:
        """An account's entry.

        Raises:
            ProblemError: an account that is not, or not for this viewer: the same 404.
        """
        entry = self.board.entry(account)
        if entry is None or not scope.sees(entry.account.client):
            raise ProblemError(
                404, "unknown-account", f"There is no account {account!r}; see /api/v1/accounts."
            )
        return entry

    def allows(self, authorization: str | None, scope: Scope, client: str | None) -> bool:
        """Whether a request with this header still has this scope, and finds this client."""
        try:
            return self.access.scope(authorization) == scope and client in {None, *self.client_names(scope)}
        except UnauthorizedError:
            return False

    def visible(self, scope: Scope, client: str | None, platform: str | None) -> Visible:
        """The accounts that a viewer sees under these filters.

        Raises:
            ProblemError: a client that is not, or not for this viewer: the same 404.
        """
        if client is not None and client not in self.client_names(scope):
            raise ProblemError(404, "unknown-client", f"There is no client {client!r}; see /api/v1/clients.")
        return lambda it: (
            scope.sees(it.client) and client in {None, it.client} and platform in {None, it.platform}
        )


def _wall(request: Request) -> Wall:
    wall = request.app.state.wall
    assert isinstance(wall, Wall)  # noqa: S101  # set where the app is built
    return wall


def _viewer(request: Request, _: Annotated[Any, Depends(HTTPBearer(auto_error=False))]) -> Scope:
    return _wall(request).access.scope(request.headers.get("authorization"))


TheWall = Annotated[Wall, Depends(_wall)]
Viewer = Annotated[Scope, Depends(_viewer)]


def json_answer(document: Mapping[str, Any]) -> Response:
    """An answer of the API."""
    return Response(msgspec.json.encode(document), media_type="application/json")
