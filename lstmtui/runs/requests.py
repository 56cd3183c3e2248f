"""Requests of viewers to a running engine, and its answers.

A request is one line of requests.jsonl: {"id", "at", "op", ...}; the engine answers in events.jsonl with
{"event": "answered", "request": id, "ok", "message"}. `op` is one of OPERATIONS; `set` carries "key" and "value",
`sample` may carry "temperature" and "prompt".
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import Any

from lstmtui import config
from lstmtui.common.files import append_json_line, read_json_lines
from lstmtui.errors import UsageError
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.lock import engine_alive
from lstmtui.runs.next_step import next_step
from lstmtui.runs.reader import RunReader

OPERATIONS = ("pause", "continue", "save", "stop", "sample", "set", "undo", "rewind")


@dataclass(frozen=True, slots=True)
class Answer:
    """The engine's answer to a request."""

    ok: bool
    message: str


def send_request(run: RunFolder, op: str, **details: Any) -> str:
    """Append a request and return its id. Raises UsageError where no engine works on the run."""
    if op not in OPERATIONS:
        raise ValueError(op)
    if op == "set":
        details["value"] = parse_change(details["key"], details["value"])
    if not engine_alive(run):
        snapshot = RunReader(run).refresh()
        raise UsageError(f"Run '{run.name}' is not training ({snapshot.state}); {next_step(snapshot, run.name)}.")
    identity = secrets.token_hex(6)
    append_json_line(run.requests, {"id": identity, "at": time.time(), "op": op, **details})
    return identity


def parse_change(key: str, value: object) -> Any:
    """Return `value` with the type of setting `key`.

    Raises UsageError where it is invalid, or the setting is fixed while a run trains.
    """
    if key in config.LENGTHS:
        raise UsageError(
            f"'{key}' cannot be changed while a run trains; stop it, then 'lstmtui resume RUN --{key} MORE' gives it "
            "another end."
        )
    if key not in config.LIVE:
        hint = config.nearest(key, config.LIVE)
        raise UsageError(f"'{key}' cannot be changed while a run trains{hint}; these can: {', '.join(config.LIVE)}.")
    return config.convert(key, value, "set")


def wait_for_answer(run: RunFolder, identity: str, *, timeout: float = 20.0) -> Answer | None:
    """Wait up to `timeout` seconds for the engine's answer; None without one."""
    deadline, offset = time.monotonic() + timeout, 0
    while True:
        alive = engine_alive(run)  # before the events: an engine that ends has written its last answer
        events, offset = read_json_lines(run.events, offset)
        for event in events:
            if event.get("event") == "answered" and event.get("request") == identity:
                return Answer(ok=bool(event.get("ok")), message=str(event.get("message", "")))
        if time.monotonic() > deadline or not alive:
            return None
        time.sleep(0.05)
