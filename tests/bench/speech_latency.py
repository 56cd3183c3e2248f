"""How soon a run of speech writes what was said: after a recording, after the last sample of a stream, and within one.

    python tests/bench/speech_latency.py RUN RECORDING [--seconds 2] [--block 100] [--repeat 10] [--beam 16]

The recording is cut or repeated to `--seconds`. Three things are measured, in milliseconds, median and the slowest:

    file      from asking until the transcript of a WAV file is there
    last      from the last samples of a stream until its transcript; the samples before came in real time
    lag       from the end of a block of samples until the text that includes it; a sound in it waited for the rest of
              the block besides, and a network of both directions reads again only every 200 ms

A run of both directions reads an utterance again at its end; one with `--directions forward` reads on.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
import wave
from pathlib import Path

import numpy as np

from lstmtui.client.transcriber import Transcriber
from lstmtui.data.audio import read_audio


def main() -> None:
    """Measure one run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", help="name or folder of a run of speech")
    parser.add_argument("recording", type=Path)
    parser.add_argument("--seconds", type=float, default=2.0, help="of the utterance")
    parser.add_argument("--block", type=int, default=100, help="milliseconds of samples that come at once")
    parser.add_argument("--repeat", type=int, default=10, help="utterances of each measurement")
    parser.add_argument("--beam", type=int, default=16)
    args = parser.parse_args()
    with Transcriber.load(args.run) as transcriber:
        rate = int(transcriber.about["sample_rate"])
        samples = np.resize(read_audio(args.recording, rate), int(args.seconds * rate))
        data = (samples * 32767).astype("<i2").tobytes()
        block = 2 * (rate * args.block // 1000)
        blocks = [data[at : at + block] for at in range(0, len(data), block)]
        _show("file", _files(transcriber, data, rate, args))
        last, lags = _streams(transcriber, blocks, rate, args)
        _show("last", last)
        _show("lag", lags)
        streams = "reads on" if transcriber.about["streams"] else "reads the whole utterance again"
        print(f"The network {streams}; blocks of {args.block} ms, {args.repeat} utterances of {args.seconds:g} s.")


def _files(transcriber: Transcriber, data: bytes, rate: int, args: argparse.Namespace) -> list[float]:
    """Return the seconds of each transcription of a file."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "utterance.wav"
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes(data)
        for _ in range(args.repeat + 1):
            begun = time.perf_counter()
            transcriber.transcribe(path, beam=args.beam)
            found.append(time.perf_counter() - begun)
    return found[1:]  # the first makes the model of this length


def _streams(
    transcriber: Transcriber, blocks: list[bytes], rate: int, args: argparse.Namespace
) -> tuple[list[float], list[float]]:
    """Return the seconds from the last samples of each stream to its transcript, and those of each answer."""
    last, lags = [], []
    for turn in range(args.repeat + 1):
        transcriber.listen(rate, beam=args.beam)
        for k, block in enumerate(blocks):
            begun = time.perf_counter()
            transcriber.hear(block)
            took = time.perf_counter() - begun
            if k == len(blocks) - 1:
                transcriber.finish()
                last += [time.perf_counter() - begun] if turn else []
                break
            lags += [took] if turn else []
            time.sleep(max(0.0, args.block / 1000 - took))
    return last, lags


def _show(name: str, seconds: list[float]) -> None:
    middle, most = (1000 * value for value in (statistics.median(seconds), max(seconds)))
    print(f"{name:6} {middle:7.1f} {most:7.1f}", flush=True)


if __name__ == "__main__":
    main()
