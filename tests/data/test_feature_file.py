"""Features of recordings: computed once, found again, and computed anew where file or settings differ."""

from __future__ import annotations

import json

import numpy as np
import pytest
from support.recordings import speech_folder, tone, wav_bytes, write_wav

from lstmtui.config import SpeechSettings
from lstmtui.data import feature_file
from lstmtui.data.audio import AudioError, read_audio
from lstmtui.data.feature_file import Statistics, features_of, load_statistics, save_statistics
from lstmtui.data.log_mel import FLOOR, log_mel
from lstmtui.data.recordings import open_rows, read_rows
from lstmtui.errors import CorruptError

SPEECH = SpeechSettings(sample_rate=8000, mel=20)


def recordings(folder):
    return open_rows(*read_rows([str(folder)]))


@pytest.fixture
def folder(tmp_path):
    made = speech_folder(tmp_path / "a", ["one", "two", "three"])
    write_wav(made / "001.wav", tone(0.2, 16_000), 16_000)
    return made


def test_each_recording_has_its_log_mel_frames(folder, tmp_path):
    found, done = recordings(folder), []
    features = features_of(found, SPEECH, progress=done.append, cache=tmp_path)
    assert features.lengths.tolist() == [50, 20, 50]
    assert done == pytest.approx([0.5 / 1.2, 0.7 / 1.2, 1.0])
    for n, file in enumerate(found.files):
        # 16 bits have 11 bits of precision: 0.004 at 8 nats.
        np.testing.assert_allclose(features[n], log_mel(read_audio(file, 8000), 8000, 20), atol=5e-3)
    assert features[1].dtype == np.float32


def test_they_are_computed_once(folder, tmp_path, monkeypatch):
    first = features_of(recordings(folder), SPEECH, cache=tmp_path)
    monkeypatch.setattr(feature_file, "log_mel", None)
    again = features_of(recordings(folder), SPEECH, cache=tmp_path)
    assert again.digest == first.digest
    np.testing.assert_array_equal(again.frames, first.frames)
    assert again.peculiar == first.peculiar


def test_another_file_or_setting_has_other_features(folder, tmp_path):
    digests = [features_of(recordings(folder), SPEECH, cache=tmp_path).digest]
    digests.append(features_of(recordings(folder), SpeechSettings(sample_rate=8000, mel=21), cache=tmp_path).digest)
    digests.append(features_of(recordings(folder), SpeechSettings(sample_rate=9000, mel=20), cache=tmp_path).digest)
    write_wav(folder / "002.wav", tone(0.5, hertz=500))
    digests.append(features_of(recordings(folder), SPEECH, cache=tmp_path).digest)
    assert len(set(digests)) == 4
    assert (
        features_of(recordings(folder), SpeechSettings(sample_rate=8000, mel=20, warp=0), cache=tmp_path).digest
        == (digests[3])
    )


@pytest.mark.parametrize("name", ["frames.bin", "contents.json"])
@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: b"x" + data[1:], lambda data: b""])
def test_a_damaged_folder_is_computed_anew(folder, tmp_path, name, damage):
    first = np.array(features_of(recordings(folder), SPEECH, cache=tmp_path).frames)
    (path,) = (tmp_path / "features").glob(f"*/{name}")
    path.write_bytes(damage(path.read_bytes()))
    np.testing.assert_array_equal(features_of(recordings(folder), SPEECH, cache=tmp_path).frames, first)


def test_silence_clipping_and_damage_are_told(tmp_path, monkeypatch):
    folder = speech_folder(tmp_path / "a", ["one", "two", "three"])
    write_wav(folder / "000.wav", np.zeros(4000))
    write_wav(folder / "001.wav", np.clip(tone(peak=5), -1, 1))
    found = recordings(folder)
    (folder / "002.wav").write_bytes(wav_bytes(tone())[:40])  # after its header was read
    features = features_of(found, SPEECH, cache=tmp_path)
    assert (features.peculiar.silent, features.peculiar.clipped) == ((0,), (1,))
    assert features.peculiar.damaged == (f"The recording {folder / '002.wav'} ends before its first sample.",)
    assert features.lengths.tolist() == [50, 50, 0]
    np.testing.assert_allclose(features[0], FLOOR, atol=1e-2)
    contents = json.loads(next((tmp_path / "features").glob("*/contents.json")).read_text())
    assert contents["silent"] == [0]


def test_statistics_are_those_of_all_frames(folder, tmp_path):
    features = features_of(recordings(folder), SPEECH, cache=tmp_path)
    mean, deviation = features.statistics()
    frames = features.frames.astype(np.float64)
    np.testing.assert_allclose(mean, frames.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(deviation, frames.std(axis=0), rtol=1e-4, atol=1e-4)
    chosen = features.select(np.array([False, True, False]))
    assert len(chosen) == 1
    np.testing.assert_array_equal(chosen[0], features[1])


def test_statistics_survive_a_file_and_damage_is_named(tmp_path):
    path, statistics = tmp_path / "a.json", Statistics(np.float32([0.1, -3]), np.float32([1, 2]))
    save_statistics(path, statistics)
    np.testing.assert_array_equal(load_statistics(path), statistics)
    for data in (b"", b"{}", b'{"mean": [1], "deviation": [1, 2]}', b'{"mean": "x", "deviation": [1]}'):
        path.write_bytes(data)
        with pytest.raises(CorruptError, match=r"a\.json cannot be read"):
            load_statistics(path)
    with pytest.raises(CorruptError):
        load_statistics(tmp_path / "b.json")


def test_a_file_that_has_gone_is_named(folder, tmp_path):
    found = recordings(folder)
    (folder / "000.wav").unlink()
    with pytest.raises(AudioError, match=r"000\.wav"):
        features_of(found, SPEECH, cache=tmp_path)
