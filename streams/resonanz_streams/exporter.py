"""The worker's HTTP side: /metrics, /healthz, /readyz."""

import asyncio
import contextlib
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from aiohttp import web
from aiohttp.typedefs import Middleware
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily

from resonanz_streams.connector_series import ConnectorSeries
from resonanz_streams.engine import PartitionEngine
from resonanz_streams.errors import StopError
from resonanz_streams.exposition import (
    Block,
    Series,
    chunks,
    coverage_windows,
    escape,
    families,
    label_prefix,
    sample_count,
)
from resonanz_streams.pipeline import Pipeline
from resonanz_streams.registry import Account

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
SERIES_CAP: Final = 250_000


class Exporter:
    """Serves the metrics of one pipeline.

    Only accounts of partitions that are owned and recovered are exported, none that was idle for 28 d, and
    none at all while others may own them. ``cap`` bounds the series; beyond it whole accounts are left
    out, in a stable order, counted in ``resonanz_series_suppressed``.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        registry: CollectorRegistry,
        series: Sequence[Series],
        *,
        ready: Callable[[], str],
        cap: int = SERIES_CAP,
    ) -> None:
        self._pipeline = pipeline
        self._registry = registry
        self._series = series
        self._ready = ready
        self._cap = cap
        self._labels: dict[int, tuple[PartitionEngine, Sequence[str]]] = {}
        self._connectors = ConnectorSeries(pipeline)

    def application(self, rule: Middleware | None = None) -> web.Application:
        """The aiohttp application with its three routes; ``rule`` says who may ask."""
        app = web.Application(middlewares=[rule] if rule else [])
        app.add_routes(
            [
                web.get("/metrics", self._metrics),
                web.get("/healthz", self._healthz),
                web.get("/readyz", self._readyz),
            ]
        )
        return app

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.Response(text="alive\n")

    async def _readyz(self, _: web.Request) -> web.Response:
        problem = self._ready()
        return web.Response(text=(problem or "ready") + "\n", status=503 if problem else 200)

    async def _metrics(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": CONTENT_TYPE})
        # Who hung up, as every scraper does that waited in vain, needs no answer and is no error.
        with contextlib.suppress(ConnectionResetError):
            await self._write(request, response)
        return response

    async def _write(self, request: web.Request, response: web.StreamResponse) -> None:
        compress = None
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            response.headers["Content-Encoding"] = "gzip"
            compress = zlib.compressobj(level=1, wbits=31)
        await response.prepare(request)
        for chunk in self.text():
            data = compress.compress(chunk) if compress else chunk
            if data:
                await response.write(data)
            await asyncio.sleep(0)
        if compress:
            await response.write(compress.flush())
        await response.write_eof()

    def text(self) -> Iterator[bytes]:
        """The whole exposition in chunks; each takes the event loop for some milliseconds."""
        yield generate_latest(self._registry)
        blocks, accounts, suppressed = [], list[Account](), 0
        for block, shown, left_out in self._blocks():
            blocks.append(block)
            accounts += shown
            suppressed += left_out
            yield b""
        known = {family.name: family for family in families((), self._series)}
        for block in blocks:
            for part in families((block,), self._series):
                family = known[part.name]
                known[part.name] = replace(family, samples=(*family.samples, *part.samples))
                yield b""
        exported = tuple(known.values())
        yield from chunks(exported)
        yield from self._account_info([label for block in blocks for label in block.labels], accounts)
        yield from chunks(self._connectors.families())
        yield self._budget(sample_count(exported) + sum(len(block.labels) for block in blocks), suppressed)

    def _blocks(self) -> Iterator[tuple[Block, Sequence[Account], int]]:
        """Of each partition, what is exported, of which accounts, and the number of series that are not."""
        per_account = sum(series.most() for series in self._series)
        per_account += len(coverage_windows(self._series)) + 1  # resonanz_account_info
        left = self._cap // per_account
        for engine in self._pipeline.refreshed():
            inputs = engine.inputs()
            if inputs is None:
                continue
            awake = np.flatnonzero(inputs.counts["28d"].any(axis=1) | (inputs.coverage["28d"] > 0))
            rows = awake[:left]
            left -= len(rows)
            known, accounts = self._labels_of(engine), engine.accounts
            labels = [known[row] for row in rows.tolist()]
            deep = self._pipeline.deep.figures.get(engine.partition)
            block = Block(inputs, rows, labels, deep, self._pipeline.kpi_failures.columns)
            left_out = (len(awake) - len(rows)) * per_account
            yield block, [accounts[row] for row in rows.tolist()], left_out

    def _labels_of(self, engine: PartitionEngine) -> Sequence[str]:
        """Made once an engine: the next one may go by another registry."""
        known = self._labels.get(engine.partition)
        if known is None or known[0] is not engine:
            known = self._labels[engine.partition] = engine, [label_prefix(one) for one in engine.accounts]
        return known[1]

    def _account_info(self, labels: Sequence[str], accounts: Sequence[Account]) -> Iterator[bytes]:
        yield (
            b"# HELP resonanz_account_info 1 for each exported account, with its handle.\n"
            b"# TYPE resonanz_account_info gauge\n"
        )
        lines = []
        for label, account in zip(labels, accounts, strict=True):
            lines.append(f'resonanz_account_info{label},handle="{escape(account.handle or "")}"}} 1\n')
            if len(lines) == 2000:
                yield "".join(lines).encode()
                lines.clear()
        yield "".join(lines).encode()

    def _budget(self, exported: int, suppressed: int) -> bytes:
        registry = CollectorRegistry(auto_describe=False)
        gauges = (
            GaugeMetricFamily("resonanz_series", "Account series in this exposition.", value=exported),
            GaugeMetricFamily(
                "resonanz_series_suppressed", "Account series left out: the cap is reached.", value=suppressed
            ),
        )

        class _Once:
            def collect(self) -> Iterator[GaugeMetricFamily]:
                yield from gauges

        registry.register(_Once())
        return generate_latest(registry)


async def serve(application: web.Application, host: str, port: int) -> web.AppRunner:
    """Listen; the caller cleans the returned runner up.

    Raises:
        StopError: the port is taken or the address is not this machine's.
    """
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=2)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        await runner.cleanup()
        # asyncio's own words repeat the address.
        cause = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)
        raise StopError(
            f"cannot listen on {host}:{port} ({cause}): end what uses it, or choose another --port"
        ) from None
    return runner
