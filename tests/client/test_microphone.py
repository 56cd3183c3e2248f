"""The microphone: over a fake of sounddevice, and where PortAudio and ALSA are, over a file that ALSA plays into it."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import subprocess
import sys
import time
from types import ModuleType

import numpy as np
import pytest

from lstmtui.client import microphone
from lstmtui.client.microphone import Microphone
from lstmtui.errors import LstmtuiError, UsageError


class PortAudioError(Exception):
    pass


class Stream:
    """Gives its samples in blocks as they are asked for; then it is gone."""

    def __init__(self, samples, rate):
        self.samples, self.samplerate, self.closed = samples, rate, False

    def start(self):
        pass

    def read(self, count):
        if not len(self.samples):
            raise PortAudioError("Device unavailable", -9985)
        found, self.samples = self.samples[:count], self.samples[count:]
        return found.tobytes(), len(self.samples) == 0

    def close(self):
        self.closed = True


@pytest.fixture
def sounddevice(monkeypatch):
    """Give a fake module whose one microphone has samples of 16,000 Hz."""
    module = ModuleType("sounddevice")
    module.PortAudioError = PortAudioError
    module.devices = [{"name": "desk", "max_input_channels": 1, "default_samplerate": 16_000.0}]
    module.samples = np.arange(8000, dtype="<i2")

    def query_devices(device=None, kind=None):
        if kind is None:
            return module.devices
        found = [one for one in module.devices if device is None or device == one["name"]]
        if not found:
            raise ValueError(f"No input device matching {device!r}")
        return found[0]

    def open_stream(*, samplerate, **options):
        if samplerate != 16_000:
            raise PortAudioError("Invalid sample rate", -9997)
        module.opened = Stream(module.samples, samplerate)
        return module.opened

    module.query_devices, module.RawInputStream = query_devices, open_stream
    monkeypatch.setitem(sys.modules, "sounddevice", module)
    return module


def read(found: Microphone, count: int) -> np.ndarray:
    data = b""
    while len(data) < 2 * count:
        data += found.read()
    return np.frombuffer(data, "<i2")


def test_all_samples_are_given_then_it_is_gone(sounddevice):
    with Microphone(16_000) as found:
        np.testing.assert_array_equal(read(found, 8000), np.arange(8000))
        with pytest.raises(LstmtuiError, match=r"The microphone is gone \(Device unavailable\); connect it"):
            found.read()
        assert found.lost  # the last block says so
    assert sounddevice.opened.closed


def test_another_rate_is_that_of_the_device(sounddevice):
    with Microphone(8000) as found:
        assert found.rate == 16_000


def test_nobody_waits_long_for_samples(sounddevice, monkeypatch):
    monkeypatch.setattr(microphone, "BLOCK_SECONDS", 0.01)
    monkeypatch.setattr(Stream, "read", lambda self, count: (time.sleep(0.2), (b"", False))[1])
    with Microphone(16_000) as found:
        assert found.read() == b""


def test_a_device_that_sends_nothing_counts_as_gone(sounddevice, monkeypatch):
    monkeypatch.setattr(microphone, "MAX_SILENCE", 0.0)
    monkeypatch.setattr(microphone, "BLOCK_SECONDS", 0.01)
    monkeypatch.setattr(Stream, "read", lambda self, count: (time.sleep(0.2), (b"", False))[1])
    with Microphone(16_000) as found, pytest.raises(LstmtuiError, match="has sent nothing"):
        found.read()


@pytest.mark.parametrize(
    ("devices", "device", "words"),
    [
        ([], None, "No microphone is found on this machine; connect one"),
        (None, "roof", "No microphone 'roof' can be chosen; there are: desk"),
    ],
)
def test_where_there_is_none_it_is_said_in_a_sentence(sounddevice, devices, device, words):
    if devices is not None:
        sounddevice.devices = devices
    with pytest.raises(UsageError, match=words):
        Microphone(16_000, device)


def test_one_that_cannot_be_opened_is_named(sounddevice):
    sounddevice.devices[0]["default_samplerate"] = 44_100.0
    with pytest.raises(UsageError, match=r"'desk' cannot be opened \(Invalid sample rate\)"):
        Microphone(8000)


@pytest.mark.parametrize(
    ("error", "words"), [(ImportError(), "lstmtui\\[speech\\]"), (OSError(), "the library PortAudio")]
)
def test_what_is_missing_is_named(monkeypatch, error, words):
    class Finder:
        def find_spec(self, name, path=None, target=None):
            if name == "sounddevice":
                raise error

    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    with pytest.raises(UsageError, match=words):
        Microphone(16_000)


# --- a file as the microphone of ALSA ---------------------------------------------------------------------------------

ALSA = """
pcm.nothing {{ type null }}
pcm.recording {{ type file slave.pcm nothing file /dev/null infile "{file}" format raw }}
pcm.!default {{ type asym capture.pcm recording playback.pcm nothing }}
"""
"""PortAudio passes over devices of the types file and null, not over one that contains them."""
PROGRAM = """
import sys, numpy as np
from lstmtui.client.microphone import Microphone
with Microphone(16_000) as found:
    data = b""
    while len(data) < 16_000:
        data += found.read()
    sys.stdout.buffer.write(data[:16_000])
"""


def has_alsa() -> bool:
    try:
        ctypes.CDLL("libportaudio.so.2")
        ctypes.CDLL("libasound.so.2")
    except OSError:
        return False
    return importlib.util.find_spec("sounddevice") is not None


@pytest.mark.parametrize("kind", ["fake", *["alsa"] * has_alsa()])
def test_a_recording_is_heard_through_the_device(kind, tmp_path, sounddevice):
    samples = (np.sin(np.arange(8000) / 7) * 9000).astype("<i2")
    if kind == "fake":
        sounddevice.samples = samples
        with Microphone(16_000) as found:
            np.testing.assert_array_equal(read(found, 8000), samples)
        return
    (tmp_path / "samples").write_bytes(samples.tobytes())
    (tmp_path / "alsa").write_text(ALSA.format(file=tmp_path / "samples"))
    environment = {**os.environ, "ALSA_CONFIG_PATH": str(tmp_path / "alsa")}
    command = [sys.executable, "-c", PROGRAM]
    made = subprocess.run(command, env=environment, capture_output=True, timeout=60, check=True)
    np.testing.assert_array_equal(np.frombuffer(made.stdout, "<i2"), samples)
