"""Hands the worker's /metrics and /readyz on, as they come, and what the wall has to add behind them."""

import gzip
from collections.abc import AsyncIterator
from typing import Final

import aiohttp
from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from resonanz_dashboards.problems import ProblemError

CONNECT_SECONDS: Final = 2.0
SILENCE_SECONDS: Final = 30.0
PLAIN: Final = "text/plain; version=0.0.4; charset=utf-8"
PASSED_ON: Final = ("content-type", "content-encoding", "vary")


class Worker:
    """The worker behind this wall. ``url`` None: there is none, the wall runs alone. ``token``: the
    agency's."""

    def __init__(self, url: str | None, token: str | None = None) -> None:
        self.url = url.rstrip("/") if url else None
        self.token = token
        self._session: aiohttp.ClientSession | None = None

    async def metrics(self, request: Request, own: bytes) -> Response:
        """The worker's exposition, streamed and compressed if the scraper asked for that, and ``own`` behind
        it, which is all there is without a worker.

        Raises:
            ProblemError: the worker is away, or it answers with an error.
        """
        if self.url is None:
            return Response(own, media_type=PLAIN)
        answer = await self._get("/metrics", request)
        if answer.status != 200:
            answer.close()
            raise ProblemError(
                502, "worker-failed", f"The worker answered /metrics with {answer.status}; its log says why."
            )
        headers = {name: answer.headers[name] for name in PASSED_ON if name in answer.headers}
        # The members of a gzip stream may stand one behind the other.
        more = gzip.compress(own, mtime=0) if headers.get("content-encoding") == "gzip" else own
        return StreamingResponse(_body(answer, more), headers=headers)

    async def ready(self) -> str:
        """ "" if the worker is ready (or there is none), else a sentence."""
        if self.url is None:
            return ""
        try:
            answer = await self._get("/readyz", None)
        except ProblemError as error:
            return error.detail
        answer.close()
        return "" if answer.status == 200 else "The worker is not ready yet."

    async def close(self) -> None:
        """Release the connections."""
        if self._session is not None:
            await self._session.close()

    async def _get(self, path: str, request: Request | None) -> aiohttp.ClientResponse:
        try:
            return await self._http().get(f"{self.url}{path}", headers=self._headers(request))
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ProblemError(
                503,
                "worker-away",
                "The worker does not answer; is it running? Its figures stay as they were.",
            ) from error

    def _headers(self, request: Request | None) -> dict[str, str]:
        asked = request.headers if request is not None else {}
        # Of all encodings the two that more can be written behind.
        wants = "gzip" in asked.get("accept-encoding", "")
        headers = {"Accept-Encoding": "gzip" if wants else "identity"}
        if "accept" in asked:
            headers["Accept"] = asked["accept"]
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        return headers

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS, sock_read=SILENCE_SECONDS)
            self._session = aiohttp.ClientSession(timeout=timeout, auto_decompress=False)
        return self._session


async def _body(answer: aiohttp.ClientResponse, more: bytes) -> AsyncIterator[bytes]:
    # A worker that dies on the way raises here, which cuts the connection: half an exposition must not
    # look like a whole one.
    async with answer:
        async for chunk in answer.content.iter_any():
            yield chunk
    yield more
