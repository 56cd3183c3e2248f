"""How soon a run of captions describes one picture, from its file to the best caption.

    python tests/bench/caption_latency.py RUN PICTURE... [--beam 5]

RUN is the path of a run. Each picture is read, brought to the side of the run and described on its own, after two that
are not counted. Times are in milliseconds, median and the slowest tenth: of the clock, and of the processor, which
other programs delay less.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from lstmtui.data.picture_augmentation import prepare
from lstmtui.data.pictures import read_picture
from lstmtui.engine.inference import loaded_captioner
from lstmtui.engine.inference.beam_search import SearchOptions
from lstmtui.runs.folder import RunFolder


def main() -> None:
    """Describe the pictures, and print the times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("pictures", type=Path, nargs="+")
    parser.add_argument("--beam", type=int, default=5)
    args = parser.parse_args()
    captioner, options = loaded_captioner.load(RunFolder(args.run)), SearchOptions(beam=args.beam)

    def describe(path: Path) -> None:
        pixels = read_picture(path, captioner.pictures.side).pixels
        captioner.caption([prepare(pixels, captioner.pictures)], options)

    for path in (args.pictures * 2)[:2]:
        describe(path)
    times: dict[str, list[float]] = {"clock": [], "processor": []}
    for path in args.pictures:
        begun, busy = time.perf_counter(), time.process_time()
        describe(path)
        times["clock"].append(time.perf_counter() - begun)
        times["processor"].append(time.process_time() - busy)
    print(f"{len(args.pictures)} pictures, beam {args.beam}")
    for name, seconds in times.items():
        ordered = sorted(1e3 * each for each in seconds)
        print(
            f"{name:9}  median {ordered[len(ordered) // 2]:.1f} ms, a tenth above {ordered[9 * len(ordered) // 10]:.1f}"
        )


if __name__ == "__main__":
    main()
