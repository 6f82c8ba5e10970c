"""Errors as RFC 9457 problem documents: every answer of the API that is not the thing asked for."""

import http
from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from resonanz_dashboards.access import UnauthorizedError

MEDIA_TYPE: Final = "application/problem+json"


class ProblemError(Exception):
    """Ends a request with a problem document.

    ``kind`` names the problem for programs (it becomes the ``type`` URN), ``detail`` tells a person what
    to do, ``extra`` are further members of the document.
    """

    def __init__(self, status: int, kind: str, detail: str, extra: Mapping[str, Any] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.extra = dict(extra or {})


class ProblemResponse(JSONResponse):
    """A problem document."""

    media_type = MEDIA_TYPE


def problem(
    status: int,
    kind: str,
    detail: str,
    extra: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> ProblemResponse:
    """The response for one problem; see :class:`ProblemError`."""
    document = {
        "type": f"urn:resonanz:problem:{kind}",
        "title": http.HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **(extra or {}),
    }
    return ProblemResponse(document, status_code=status, headers=dict(headers or {}))


def unauthorized(error: UnauthorizedError) -> ProblemResponse:
    """The answer to a request without a token that is known here."""
    return problem(401, "unauthorized", str(error), headers={"WWW-Authenticate": 'Bearer realm="resonanz"'})


def attach(app: FastAPI) -> None:
    """Make ``app`` answer every error with a problem document."""
    app.add_exception_handler(ProblemError, _ours)
    app.add_exception_handler(UnauthorizedError, _unauthorized)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _internal)


async def _ours(_: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, ProblemError)  # noqa: S101  # registered for this class only
    return problem(error.status, error.kind, error.detail, error.extra)


async def _unauthorized(_: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, UnauthorizedError)  # noqa: S101  # registered for this class only
    return unauthorized(error)


async def _http(request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, HTTPException)  # noqa: S101  # registered for this class only
    if error.status_code == http.HTTPStatus.NOT_FOUND:
        if request.url.path.startswith("/api/"):
            # What is no path of the API is nothing that a stranger should learn of it.
            try:
                request.app.state.wall.access.scope(request.headers.get("authorization"))
            except UnauthorizedError as stranger:
                return unauthorized(stranger)
        detail = f"There is nothing at {request.url.path}; /openapi.json lists what there is."
        return problem(404, "not-found", detail)
    return problem(error.status_code, "http", str(error.detail), headers=error.headers)


async def _invalid(_: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101  # registered for this class only
    wrong = [{"at": ".".join(map(str, each["loc"])), "message": each["msg"]} for each in error.errors()]
    detail = "; ".join(f"{each['at']}: {each['message']}" for each in wrong)
    return problem(422, "invalid-request", detail, {"errors": wrong})


async def _internal(_: Request, __: Exception) -> ProblemResponse:
    return problem(500, "internal", "The wall failed to answer; its log says why.")
