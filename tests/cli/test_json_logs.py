"""Lines of JSON on standard error, and nothing else: every library's, and what nobody foresaw."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from tests.cli.test_up import children
from tests.processes import Process, free_port, get, wait_until

FIELDS: Final = ["time", "level", "part", "logger", "message", "topic", "partition", "error", "trace"]
SECRET: Final = "tr0ub4dor'&3"

NOISY: Final = f"""
import asyncio, logging, sys, threading, warnings
from resonanz_streams.logs import hide, log_to_stderr
log_to_stderr("worker", sys.argv[1])
hide([{SECRET!r}])
def fail():
    raise ValueError({SECRET!r})
for name in ("faust.app", "aiokafka", "uvicorn.error", "asyncio"):
    logging.getLogger(name).error("told by %s: %s", name, {SECRET!r})
logging.getLogger("x").warning("y" * 5000, extra={{"topic": "likes", "partition": 3, "account": "a:1"}})
try:
    fail()
except ValueError:
    logging.getLogger("x").exception("caught\\nin two lines")
thread = threading.Thread(target=fail)
thread.start()
thread.join()
warnings.warn("an old thing", DeprecationWarning)
async def loop():
    asyncio.get_running_loop().call_soon(fail)
    await asyncio.sleep(0)
asyncio.run(loop())
fail()
"""


AFTER_CLOSE: Final = """
import logging, ssl, sys
from resonanz_streams.logs import log_to_stderr
log_to_stderr("worker", "text")
for reason in sys.argv[1:]:
    error = ssl.SSLError(1, f"[SSL: {reason}]")
    error.reason = reason
    logging.getLogger("asyncio").error("nobody looked at it", exc_info=error)
"""


def lines_of(text: str) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        assert set(line) <= set(FIELDS)
        assert list(line)[:5] == FIELDS[:5]
        assert len(line["message"]) <= 2_000
    return lines


def test_what_comes_after_the_close_of_a_tls_connection_is_no_error_and_all_else_is() -> None:
    words = [
        sys.executable,
        "-c",
        AFTER_CLOSE,
        "APPLICATION_DATA_AFTER_CLOSE_NOTIFY",
        "CERTIFICATE_VERIFY_FAILED",
    ]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
    assert "AFTER_CLOSE" not in done.stderr
    assert done.stderr.count("nobody looked at it") == 1
    assert "CERTIFICATE_VERIFY_FAILED" in done.stderr


def noise(form: str) -> str:
    words = [sys.executable, "-W", "always", "-c", NOISY, form]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    return done.stderr


def test_every_line_is_json_of_bounded_fields_and_the_secret_is_in_none() -> None:
    text = noise("json")
    lines = lines_of(text)
    told = [line["logger"] for line in lines if line["message"] == f"told by {line['logger']}: ***"]
    assert told == ["faust.app", "aiokafka", "uvicorn.error", "asyncio"]
    long = next(line for line in lines if line["message"].startswith("yy"))
    assert (long["topic"], long["partition"], "account" in long) == ("likes", 3, False)
    assert any("an old thing" in line["message"] for line in lines)
    failed = [line for line in lines if line.get("error") == "ValueError"]
    assert [line["message"].partition(":")[0] for line in failed] == [
        "caught\nin two lines",
        "it ends with an error that nobody foresaw",
        "Exception in callback fail() at <string>",
        "it ends with an error that nobody foresaw",
    ]
    assert all("ValueError: ***" in line["trace"] for line in failed)
    assert {line["part"] for line in lines} == {"worker"}
    assert "tr0ub4dor" not in text


def test_text_hides_the_secret_too() -> None:
    text = noise("text")
    assert "worker ERROR: told by aiokafka: ***" in text
    assert "told by aiokafka: tr0ub4dor" not in text


def test_a_mistake_ends_in_one_line_of_json(tmp_path: Path) -> None:
    (tmp_path / "resonanz.yaml").write_text("brokr: sqlite:///r.db\n")
    done = subprocess.run(
        [sys.executable, "-m", "resonanz_streams", "worker", "--log-format", "json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    (line,) = lines_of(done.stderr)
    assert done.returncode == 2
    assert (line["level"], line["part"]) == ("error", "worker")
    assert line["message"].startswith("resonanz.yaml:1: brokr")


@pytest.mark.parametrize("by", ["option", "environment"])
def test_up_and_all_its_parts_write_json(tmp_path: Path, by: str) -> None:
    (tmp_path / "resonanz.yaml").write_text(
        "clients:\n  a:\n    name: A\n    accounts: [{id: 'simulated:a', connector: simulator}]\n"
        "connectors: {simulator: {seed: 1, backfill_days: 1}}\n"
    )
    port = free_port()
    options = ["--log-format", "json"] if by == "option" else []
    set_to = {"RESONANZ_LOG_FORMAT": "json"} if by == "environment" else {}
    program = ["env", *(f"{name}={value}" for name, value in set_to.items()), sys.executable]
    words = ["-m", "resonanz_streams", "up", "--port", str(port), *options]
    with Process(words, tmp_path / "log", cwd=tmp_path, program=program) as process:
        wait_until(lambda: "Ctrl-C ends it." in process.output(), "all parts have started")
        assert get(f"http://127.0.0.1:{port}/healthz") is not None
        os.kill(children(process.process.pid)["worker"], signal.SIGKILL)
        wait_until(lambda: "worker died (by SIGKILL)" in process.output(), "a part's death is told")
        assert process.terminate() == 0
    lines = lines_of(process.output())
    assert {line["level"] for line in lines if line["part"] == "up"} == {"info"}
    assert lines[-1]["message"] == "Stopped; everything is written."
