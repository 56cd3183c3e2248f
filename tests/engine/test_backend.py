"""Which device computes, and what is said where it cannot."""

import re
from types import SimpleNamespace

import pytest
from lstm_kernels.cuda import launch
from support import tiny

from lstmtui.engine import backend
from lstmtui.engine.training.trainer import Trainer
from lstmtui.errors import UsageError
from lstmtui.runs.writer import RunWriter

MISSING = "there is no NVIDIA driver on this machine"


@pytest.fixture
def without_gpu(monkeypatch):
    monkeypatch.setattr(backend, "cuda_unavailable_reason", lambda: MISSING)
    monkeypatch.setattr(backend, "has_cuda_extra", lambda: True)
    backend.device.cache_clear()
    yield
    backend.device.cache_clear()


def test_auto_is_the_processor_where_there_is_no_gpu(without_gpu):
    assert backend.device("auto") is backend.device("cpu") is backend.CPU
    assert backend.CPU.free_memory() is None
    assert backend.cuda_info() == {"cuda": False, "cuda_missing": MISSING}


def test_cuda_is_refused_before_the_corpus_is_read(without_gpu, tmp_path, monkeypatch):
    run = tiny.create(tmp_path, device="cuda")
    writer = RunWriter(run, interval=60)
    try:
        trainer = Trainer(run, writer, lambda: False)
        with pytest.raises(UsageError, match=f"--device cuda cannot be used: {MISSING};") as refused:
            trainer.prepare()
    finally:
        writer.close()
    assert refused.value.exit_code == 2
    assert not run.tokenizer.exists()


@pytest.mark.parametrize(
    ("available", "error", "said"),
    [
        (False, "\nCUDA driver library cannot be found.\nEnsure that", MISSING),
        (False, "[100] Call to cuInit results in CUDA_ERROR_NO_DEVICE", r"finds no GPU .* \(CUDA_ERROR_NO_DEVICE\)"),
        (False, None, "the CUDA compiler is not installed"),
        (True, None, None),
    ],
)
def test_what_is_missing_is_said_in_words(monkeypatch, available, error, said):
    fake = SimpleNamespace(is_available=lambda: available, cuda_error=lambda: error)
    monkeypatch.setattr(launch, "cuda", fake)
    monkeypatch.setattr(launch, "SIMULATED", False)
    found = launch.unavailable_reason()
    if said is None:
        assert found is None
    else:
        assert re.search(said, found)
