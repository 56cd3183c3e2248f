"""The endpoint under load: `python tests/bench/serving.py URL TOKEN` measures a server of `lstmtui serve`.

Clients ask for streams of 50 tokens at the same time. Printed: the time to the first text of a stream (p50, p99, in
milliseconds), tokens per second over all streams, errors, and the memory of the server's processes before and after
many requests. `--pid` is the server's, for its memory and its processor time. `--tokens 1` with many `--requests` is a
test of endurance, which `--seconds` ends.
"""

from __future__ import annotations

import argparse
import http.client
import json
import statistics
import threading
import time
from urllib.parse import urlsplit

from process_figures import family, memory_mb, processor_seconds


def stream(connection: http.client.HTTPConnection, token: str, prompt: str, tokens: int, seed: int) -> float:
    """Ask for one stream, read all of it, and return the seconds to its first text. Raises for anything else."""
    body = json.dumps({"prompt": prompt, "max_tokens": tokens, "stream": True, "seed": seed})
    begun = time.perf_counter()
    connection.request("POST", "/v1/completions", body, {"Authorization": f"Bearer {token}"})
    answer, first, written = connection.getresponse(), 0.0, ""
    while line := answer.readline():
        if line.startswith(b"data: {"):
            first = first or time.perf_counter() - begun
            written += json.loads(line[6:])["choices"][0]["text"]
    if answer.status != 200 or not written:
        raise RuntimeError(f"status {answer.status}")
    return first


def main() -> None:
    """Measure, and print what was found."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("token")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--requests", type=int, default=25, help="of each client")
    parser.add_argument("--tokens", type=int, default=50, help="of each stream")
    parser.add_argument("--seconds", type=float, default=500.0, help="after which no request is begun")
    parser.add_argument("--prompt", default="The old man said that he ")
    parser.add_argument("--pid", type=int, default=0)
    args = parser.parse_args()
    where = urlsplit(args.url)
    firsts: list[float] = []
    errors: list[str] = []

    def client(number: int) -> None:
        connection = http.client.HTTPConnection(where.hostname or "127.0.0.1", where.port, timeout=60)
        for request in range(args.requests):
            if time.perf_counter() - begun > args.seconds:
                break
            try:
                firsts.append(stream(connection, args.token, args.prompt, args.tokens, 1_000_000 * number + request))
            except Exception as error:
                errors.append(repr(error))
                connection.close()

    processes = family(args.pid) if args.pid else []
    if processes:
        print("memory before, MB:", memory_mb(processes))
    used = processor_seconds(processes)
    threads = [threading.Thread(target=client, args=(number,)) for number in range(args.clients)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - begun
    cuts = statistics.quantiles(firsts, n=100, method="inclusive")
    print(f"first text: p50 {1e3 * cuts[49]:.1f} ms, p99 {1e3 * cuts[98]:.1f} ms, of {len(firsts)} streams")
    print(f"tokens per second: {args.tokens * len(firsts) / seconds:.0f}; errors: {len(errors)} {errors[:3]}")
    if processes:
        each = 1e3 * (processor_seconds(processes) - used) / max(1, len(firsts))
        print(f"memory after, MB: {memory_mb(processes)}; processor time of the server for each stream: {each:.1f} ms")


if __name__ == "__main__":
    main()
