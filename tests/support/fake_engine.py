"""An engine that computes nothing: python tests/support/fake_engine.py RUN_FOLDER BEHAVIOUR.

It takes the lock, writes like a real engine through RunWriter, answers requests, and ends as BEHAVIOUR demands.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from lstmtui.common.files import read_json_lines
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.lock import EngineLock
from lstmtui.runs.writer import RunWriter

RESULT = {
    "valid": {"nll": 1.5, "perplexity": 4.4817, "bits_per_char": 2.164},
    "test": {"nll": 1.6, "perplexity": 4.953, "bits_per_char": 2.3083},
    "best_step": 4,
    "sample": "The cat \x1b[31msat.",
    "seconds": 2.0,
}
BEHAVIOURS = ("finish", "wait", "deaf", "fail", "diverge", "save-failed", "crash", "locked", "roll-back")


asked_for_more: list[tuple[str, float] | None] = []
"""The `more` of each start since the test began; the fixture that installs the engine clears it."""


def start(
    run: RunFolder,
    device: str | None = None,
    *,
    more: tuple[str, float] | None = None,
    behaviour: str = "finish",
) -> subprocess.Popen[bytes]:
    """Start a fake engine like `lstmtui.client.runs.start`."""
    asked_for_more.append(more)
    with open(run.log, "ab") as log:
        return subprocess.Popen(
            [sys.executable, __file__, str(run.path), behaviour],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip


def write_steps(writer: RunWriter, steps: int = 4) -> None:
    """Write metrics, an evaluation, a sample and a checkpoint of `steps` steps."""
    writer.status(state="training", steps=10, parameters=1234, tokens_per_second=2000.0, seconds_left=3.0)
    for step in range(1, steps + 1):
        writer.metric(
            "train", step=step, tokens=64 * step, seconds=0.1 * step, loss=3.0 - 0.1 * step, lr=0.004, grad_norm=0.5,
            clipped=0.0, tokens_per_second=2000.0, memory_mb=100.0,
        )  # fmt: skip
    writer.metric("valid", step=steps, seconds=0.5, nll=1.5, perplexity=4.4817, bits_per_char=2.164, best=True)
    writer.sample(step=steps, temperature=0.8, prompt="", text="a sample \x07of text")
    writer.status(state="training", step=steps, seconds=0.1 * steps)
    checkpoint = writer.run.checkpoints / f"step-{steps:08d}.safetensors"
    checkpoint.parent.mkdir(exist_ok=True)
    checkpoint.write_bytes(b"weights")
    writer.event("saved", step=steps)


def main(folder: str, behaviour: str) -> int:
    run = RunFolder(Path(folder))
    received: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda n, frame: received.append(n))
    if behaviour == "locked":
        print("lstmtui: Run is already being trained by another engine; stop that one first.", file=sys.stderr)
        return 5
    lock = EngineLock(run)
    writer = RunWriter(run, interval=0.05)
    try:
        state, code, more = act(run, writer, behaviour, received)
        writer.status(state=state, exit_code=code, **more)
    finally:
        writer.close()
        lock.release()
    return code


def act(run: RunFolder, writer: RunWriter, behaviour: str, received: list[int]) -> tuple[str, int, dict[str, object]]:
    """Return the state to end in, the exit code, and more of the status."""
    writer.status(state="preparing")
    if behaviour == "fail":
        return "failed", 2, {"message": "The corpus has only one kind of token; give another text."}
    if behaviour == "crash":
        write_steps(writer)
        writer.close()
        print("something terrible", file=sys.stderr, flush=True)
        os._exit(9)
    write_steps(writer)
    if behaviour == "diverge":
        return "diverged", 4, {"message": "The loss became infinite; start again with a smaller --lr."}
    if behaviour == "save-failed":
        return "failed", 6, {"message": "The last save failed; make room on the disk."}
    if behaviour == "roll-back":
        writer.event("rolled back", step=2, lr_scale=0.5)
        time.sleep(0.5)
    if behaviour in ("wait", "deaf"):
        return wait(run, writer, received, hears=behaviour == "wait")
    return "finished", 0, {"result": RESULT, "step": 10}


def wait(run: RunFolder, writer: RunWriter, received: list[int], *, hears: bool) -> tuple[str, int, dict[str, object]]:
    """Answer requests until one of them is to stop; a deaf engine obeys signals only."""
    offset, deadline = 0, time.monotonic() + 30
    while time.monotonic() < deadline and not received:
        requests, offset = read_json_lines(run.requests, offset)
        for request in requests if hears else ():
            said = f"{request['op']} it is" + (f": {request['key']}={request['value']}" if "key" in request else "")
            refused = request.get("value") == 0.123
            writer.event("answered", request=request["id"], ok=not refused, message="No." if refused else said)
            if request["op"] == "stop":
                time.sleep(0.3)
                return "stopped", 0, {}
        time.sleep(0.02)
    return "stopped", 128 + received[0] if received else 0, {}


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
