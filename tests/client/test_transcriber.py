"""A recogniser in a process of its own: recordings, error rates, a stream, a language model, errors."""

import numpy as np
import pytest
from support import tiny
from support.in_process import train
from support.recordings import write_wav
from support.speech_run import RATE, create, spoken, texts

from lstmtui.client import runs
from lstmtui.client.transcriber import Transcriber
from lstmtui.errors import LstmtuiError, UsageError
from lstmtui.runs.folder import RunFolder


def language_model(folder):
    corpus = folder / "text.txt"
    corpus.write_text("\n".join(texts(300, seed=5)))
    settings = tiny.run_settings(corpus=(str(corpus),), tokens="chars", steps=4, hidden=8, embedding=8, layers=1)
    run = runs.write(settings, RunFolder(folder / "lm"))
    train(run)
    return run


def test_a_process_transcribes(tmp_path):
    run = create(tmp_path, steps=100, eval_every=100)
    train(run)
    path = write_wav(tmp_path / "a.wav", np.concatenate([spoken("ab cab    ", n) for n in range(5)]))
    with Transcriber(run) as transcriber:
        assert transcriber.about["labels"][0] == ""
        segments, progress = [], []
        found = transcriber.transcribe(path, on_segment=segments.append, on_progress=lambda *at: progress.append(at))
        assert found.segments == tuple(segments)
        assert len(progress) == len(segments) > 1
        assert found.text == " ".join(word.text for word in found.words)
        detailed = transcriber.transcribe(path, details=True).segments
        shapes = (transcriber.about["mel"], len(transcriber.about["labels"]))
        for segment in detailed:
            frames, steps = len(segment.frames) / shapes[0], len(segment.posteriors) / shapes[1]
            assert frames == pytest.approx(100 * (segment.end - segment.start))
            assert steps == np.ceil(frames / round(100 * transcriber.about["step_seconds"]))
        fused = transcriber.transcribe(path, lm=language_model(tmp_path).path, weight=0.3, beam=4)
        assert fused.seconds == found.seconds
        assert transcriber.evaluate([tmp_path / "recordings.tsv"], beam=1)["recordings"] == 48
        transcriber.listen(RATE)
        data = (spoken(f"cab{' ' * 12}") * 32767).astype("<i2").tobytes()
        heard = [transcriber.hear(data[at : at + RATE // 2], details=True) for at in range(0, len(data), RATE // 2)]
        assert any(answer.present.text for answer in heard)
        assert len(b"".join(answer.frames for answer in heard)) > 0
        assert transcriber.finish().posteriors == b""
        with pytest.raises(UsageError, match=r"none\.wav"):
            transcriber.transcribe(tmp_path / "none.wav")


def test_a_run_that_cannot_be_loaded_raises(tmp_path):
    with pytest.raises(LstmtuiError):
        Transcriber(RunFolder(tmp_path / "none"))
