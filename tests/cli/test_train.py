from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from pathlib import Path

import pytest
from support.pictures import caption_table, encoded, huge_png, shape_picture, write_picture
from support.recordings import speech_folder, tone, wav_bytes, write_wav

from lstmtui import config
from lstmtui.cli import follow
from lstmtui.common.paths import runs_root
from lstmtui.data import parallel_corpus
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.listing import list_runs

SMALL = ("--hidden", "8", "--steps", "10")


def run_named(name: str) -> RunFolder:
    return RunFolder(runs_root() / name)


def test_every_setting_is_an_option_with_its_help_and_default(lstmtui, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    help_text = lstmtui("train", "--help").out
    for name, field in config.FIELDS.items():
        if name == "corpus":
            continue
        assert f"{config.option(name)} " in help_text
        assert field.metadata["help"][1:20] in help_text
    assert "default cosine" in help_text
    assert "--no-tied" in help_text


def test_a_run_is_made_followed_and_explained(lstmtui, text_file):
    said = lstmtui("train", text_file, *SMALL, "--name", "moon", "--no-tied", "--valid-fraction", "0.2")
    assert said.code == 0
    settings = config.load(run_named("moon").config)
    assert (settings.network.hidden, settings.length.steps, settings.network.tied, settings.data.valid_fraction) == (
        8,
        10,
        False,
        0.2,
    )
    assert said.out == "The cat \x1b[31msat.\n"  # a pipe gets the text as it is
    for words in (
        "2 layers of 8",
        "step 4: validation 1.500 nats/token, perplexity 4.48, 2.164 bits/char, best",
        "Finished after 10 steps and 0 s of training; the best weights are those of step 4.",
        "Validation: 1.5000 nats per token, perplexity 4.48, 2.1640 bits per character\n",
        "Test: 1.6000 nats per token",
        '\nNext: lstmtui complete moon "The "',
        "lstmtui type moon ",
        "lstmtui resume moon --steps 10 ",
    ):
        assert words in said.err
    assert "\x1b" not in said.err


def test_sources_come_in_their_order(lstmtui, text_file, tmp_path, monkeypatch):
    mine = tmp_path / "config" / "lstmtui" / "config.toml"
    mine.parent.mkdir(parents=True)
    mine.write_text("hidden = 1\nlayers = 1\nbatch = 1\nbptt = 11\n")
    given = tmp_path / "given.toml"
    given.write_text("hidden = 2\nlayers = 2\nbatch = 2\n")
    monkeypatch.setenv("LSTMTUI_HIDDEN", "3")
    monkeypatch.setenv("LSTMTUI_LAYERS", "3")
    assert lstmtui("train", text_file, "--config", given, "--hidden", "4", "--name", "x").code == 0
    settings = config.load(run_named("x").config)
    assert (settings.network.hidden, settings.network.layers, settings.length.batch, settings.length.bptt) == (
        4,
        3,
        2,
        11,
    )


def test_the_corpus_may_come_from_a_configuration_file(lstmtui, text_file, tmp_path):
    given = tmp_path / "given.toml"
    given.write_text(f'corpus = ["{text_file}"]\nvalid = ["{text_file}"]\n')
    assert lstmtui("train", "--config", given, "--name", "x").code == 0
    settings = config.load(run_named("x").config)
    assert settings.data.corpus == settings.data.valid == (str(text_file),)


def test_a_named_user_file_must_exist(lstmtui, text_file, tmp_path, monkeypatch):
    (tmp_path / "own.toml").write_text("hidden = 5\n")
    monkeypatch.setenv("LSTMTUI_CONFIG", str(tmp_path / "own.toml"))
    assert lstmtui("train", text_file, "--name", "x").code == 0
    assert config.load(run_named("x").config).network.hidden == 5
    monkeypatch.setenv("LSTMTUI_CONFIG", str(tmp_path / "gone.toml"))
    said = lstmtui("train", text_file)
    assert said.code == 2
    assert "gone.toml" in said.err


def test_paths_become_absolute_and_names_stay(lstmtui, text_file, monkeypatch):
    monkeypatch.chdir(text_file.parent)
    assert lstmtui("train", text_file.name, "reber", "--valid", text_file.name, "--name", "x").code == 0
    settings = config.load(run_named("x").config)
    assert settings.data.corpus == (str(text_file), "reber")
    assert settings.data.valid == (str(text_file),)


def test_a_run_in_another_folder_is_named_by_its_path(lstmtui, text_file, tmp_path):
    said = lstmtui("train", text_file, *SMALL, "--name", "x", "--runs-dir", tmp_path / "else")
    assert said.code == 0
    assert (tmp_path / "else" / "x" / "config.toml").is_file()
    called = said.err.rsplit("lstmtui type ", 1)[1].split()[0]
    assert lstmtui("show", called).code == 0


def test_json(lstmtui, text_file):
    said = lstmtui("train", text_file, *SMALL, "--name", "x", "--json")
    answer = json.loads(said.out)
    assert answer["run"] == "x"
    assert answer["state"] == "finished"
    assert answer["exit_code"] == 0
    assert answer["result"]["valid"]["nll"] == 1.5


@pytest.mark.parametrize("behaviour", ["wait"])
def test_detach_returns_while_the_engine_trains(lstmtui, behave, text_file, behaviour):
    behave(behaviour)
    said = lstmtui("train", text_file, *SMALL, "--name", "x", "--detach", "--json")
    assert said.code == 0
    pid = json.loads(said.out)["pid"]
    os.kill(pid, 0)
    assert "It trains in the background now" in said.err
    assert "training" in _text(run_named("x").status)
    assert lstmtui("stop", "x").code == 0
    os.waitpid(pid, 0)


def test_a_detached_start_that_fails_returns_its_exit_code(lstmtui, behave, text_file):
    behave("fail")
    said = lstmtui("train", text_file, *SMALL, "--name", "x", "--detach")
    assert said.code == 2
    assert "lstmtui: The corpus has only one kind of token; give another text." in said.err
    assert "in the background" not in said.err
    assert not run_named("x").path.exists()


def test_a_detached_start_that_takes_long_reports_its_state(lstmtui, behave, text_file, monkeypatch):
    monkeypatch.setattr(follow, "MAX_WAIT", 0.0)
    behave("wait")
    said = lstmtui("train", text_file, *SMALL, "--name", "x", "--detach", "--json")
    assert said.code == 0
    assert "It does not train yet" in said.err
    lstmtui("stop", "x")
    with contextlib.suppress(OSError):
        os.kill(json.loads(said.out)["pid"], signal.SIGTERM)
    os.waitpid(json.loads(said.out)["pid"], 0)


def test_a_run_that_never_began_leaves_nothing_behind(lstmtui, behave, text_file):
    behave("fail")
    said = lstmtui("train", text_file, *SMALL, "--name", "x")
    assert said.code == 2
    assert "lstmtui: The corpus has only one kind of token; give another text." in said.err
    assert not run_named("x").path.exists()


@pytest.mark.parametrize(
    ("behaviour", "code", "words"),
    [
        ("diverge", 4, "The loss became infinite"),
        ("save-failed", 6, "The last save failed"),
        ("crash", 1, "died at step 4 (something terrible)"),
        ("locked", 5, "another engine"),
    ],
)
def test_the_command_returns_the_exit_code_of_the_engine(lstmtui, behave, text_file, behaviour, code, words):
    behave(behaviour)
    said = lstmtui("train", text_file, *SMALL, "--name", "x", "--json")
    assert said.code == code
    assert words in said.err
    assert "Traceback" not in said.err
    assert json.loads(said.out)["exit_code"] == code
    assert run_named("x").config.exists()


def test_a_roll_back_is_reported(lstmtui, behave, text_file):
    behave("roll-back")
    said = lstmtui("train", text_file, *SMALL)
    assert "step 2: back to the last good checkpoint, with the learning rate times 0.5." in said.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_saves_and_is_the_exit_code(start_process, text_file, monkeypatch, number):
    monkeypatch.setenv("FAKE_ENGINE", "wait")
    command = start_process("train", str(text_file), *SMALL, "--name", "x")
    _wait_for_training(run_named("x"))
    command.send_signal(number)
    time.sleep(0.05)
    command.send_signal(signal.SIGINT)  # impatience kills nothing
    _, err = command.communicate(timeout=20)
    assert command.returncode == 128 + number
    assert "waiting for the engine to save" in err
    assert "Stopped and saved at step 4; 'lstmtui resume x' continues it." in err
    assert '"stop"' in run_named("x").requests.read_text()


def test_an_engine_that_ignores_the_request_gets_the_signal(start_process, text_file, monkeypatch):
    monkeypatch.setenv("FAKE_ENGINE", "deaf")
    monkeypatch.setenv("FAKE_MAX_STOP", "0.2")
    command = start_process("train", str(text_file), *SMALL, "--name", "x")
    _wait_for_training(run_named("x"))
    command.send_signal(signal.SIGINT)
    _, err = command.communicate(timeout=20)
    assert command.returncode == 130
    assert "Stopped and saved" in err


def test_a_closed_terminal_ends_no_training(start_process, text_file, monkeypatch):
    monkeypatch.setenv("FAKE_ENGINE", "wait")
    command = start_process("train", str(text_file), *SMALL, "--name", "x")
    assert command.stderr is not None
    command.stderr.close()
    _wait_for_training(run_named("x"))
    time.sleep(0.5)
    assert command.poll() is None
    command.send_signal(signal.SIGTERM)
    assert command.wait(20) == 143


def test_nohup_is_respected(start_process, text_file, monkeypatch):
    monkeypatch.setenv("FAKE_ENGINE", "wait")
    old = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # inherited by the process
    try:
        command = start_process("train", str(text_file), *SMALL, "--name", "x")
    finally:
        signal.signal(signal.SIGHUP, old)
    _wait_for_training(run_named("x"))
    command.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    assert command.poll() is None
    command.send_signal(signal.SIGINT)
    assert command.wait(20) == 130


def _wait_for_training(run: RunFolder) -> None:
    deadline = time.monotonic() + 20
    while '"training"' not in _text(run.status):
        assert time.monotonic() < deadline, _text(run.log)
        time.sleep(0.02)
    time.sleep(0.3)


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def write(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


BAD_TEXTS = {
    "missing": lambda d: d / "nowhere.txt",
    "empty": lambda d: write(d, "e.txt", b""),
    "binary": lambda d: write(d, "b.txt", b"ab\0\1\2cd" * 500),
    "UTF-16": lambda d: write(d, "u.txt", ("some text " * 200).encode("utf-16")),
    "folder without text": lambda d: (d / "folder").mkdir() or d / "folder",
    "NUL in the name": lambda d: "a\0b",
    "name with escape codes": lambda d: "\x1b]0;owned\x07",
}


@pytest.mark.parametrize("kind", BAD_TEXTS)
def test_an_unusable_text_is_one_sentence_and_no_run(lstmtui, tmp_path, kind):
    said = lstmtui("train", BAD_TEXTS[kind](tmp_path))
    assert said.code == 2
    assert said.err.startswith("lstmtui: ")
    assert said.err.count("\n") == 1
    assert "\x1b" not in said.err
    assert not list_runs()


BAD_RECORDINGS = {
    **BAD_TEXTS,
    "a text": lambda d: write(d, "a.txt", b"some text of no great length"),
    "one recording": lambda d: write(d, "a.wav", wav_bytes(tone())),
    "no text beside": lambda d: write_wav(d / "a" / "a.wav", tone()).parent,
    "no samples": lambda d: write(speech_folder(d / "a", ["one"]), "000.wav", wav_bytes(tone()[:0])).parent,
    "a picture": lambda d: write(speech_folder(d / "a", ["one"]), "000.wav", b"\x89PNG" + bytes(90)).parent,
    "an empty transcript": lambda d: speech_folder(d / "a", [""]),
}


@pytest.mark.parametrize("kind", BAD_RECORDINGS)
def test_unusable_recordings_are_one_sentence_and_no_run(lstmtui, tmp_path, kind):
    said = lstmtui("train", "--for", "speech", BAD_RECORDINGS[kind](tmp_path))
    assert said.code == 2
    assert said.err.startswith("lstmtui: ")
    assert said.err.count("\n") == 1
    assert "\x1b" not in said.err
    assert not list_runs()


def test_a_speech_run_is_explained_with_what_is_left_out(lstmtui, tmp_path):
    folder = speech_folder(tmp_path / "a", ["one", "two", "three", "four", ""])
    said = lstmtui("train", "--for", "speech", folder, *SMALL, "--name", "moon", "--valid-fraction", "0.25")
    assert "a, 3 recordings (2 s, at 8,000 Hz) as chars, 1 more for validation" in said.err
    assert "lstm, 2 layers of 8 in both directions, embedding 8" in said.err
    assert "Of 5 recordings, 1 is left out: 1 with an empty text." in said.err
    settings = config.load(run_named("moon").config)
    assert (settings.data.purpose, settings.speech.sample_rate) == ("speech", 8000)


BAD_PICTURES = {
    **BAD_TEXTS,
    "a text": lambda d: write(d, "a.txt", b"some text of no great length"),
    "one picture": lambda d: write_picture(d / "a.png", shape_picture("red", "left")),
    "no text beside": lambda d: write_picture(d / "a" / "a.png", shape_picture("red", "left")).parent,
    "a huge picture": lambda d: captioned(d, huge_png(20_000, 20_000)),
    "a drawing": lambda d: captioned(d, b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
    "an empty picture": lambda d: captioned(d, b""),
    "no caption": lambda d: captioned(d, encoded(shape_picture("red", "left")), ""),
    "a damaged packed file": lambda d: write(d, "a.npz", b"PK\x03\x04"),
}


def captioned(folder, picture, caption="a red half"):
    write(folder, "a.png", picture)
    return write(folder, "captions.tsv", f"file\tcaption\na.png\t{caption}\n".encode())


@pytest.mark.parametrize("kind", BAD_PICTURES)
def test_unusable_pictures_are_one_sentence_and_no_run(lstmtui, tmp_path, kind):
    said = lstmtui("train", "--for", "captions", BAD_PICTURES[kind](tmp_path))
    assert said.code == 2
    assert said.err.startswith("lstmtui: ")
    assert said.err.count("\n") == 1
    assert "\x1b" not in said.err
    assert not list_runs()


def test_a_caption_run_is_explained_with_what_is_left_out(lstmtui, tmp_path):
    table = caption_table(tmp_path, ("train", "train", "train", "test"))
    write(tmp_path / "images", "left-red.png", b"a cat")
    said = lstmtui("train", "--for", "captions", table, "--name", "moon", "--valid-fraction", "0.2", "--hidden", "8")
    assert "captions.tsv, 9 pictures of 64 patches, 9 captions as words (at most 10000), 2 more for" in said.err
    assert "validation, 4 more for the test" in said.err
    assert "gru, 1 layer of 8 over rows and columns, embedding 8" in said.err
    assert "Of 16 pictures, 1 is left out: 1 that cannot be read" in said.err
    settings = config.load(run_named("moon").config)
    assert (settings.data.purpose, settings.pictures.grid) == ("captions", (8, 8))


def test_pairs_are_read_once_by_the_command(lstmtui, tmp_path, monkeypatch):
    opened, real = [], parallel_corpus.open_pairs
    monkeypatch.setattr("lstmtui.data.open.open_pairs", lambda s: opened.append(s) or real(s))
    table = tmp_path / "pairs.tsv"
    table.write_text("".join(f"the dog {n}\tder hund {n}\n" for n in range(40)) + "alone\t\n")
    said = lstmtui("train", "--for", "translation", table, *SMALL, "--name", "moon")
    assert "pairs.tsv, " in said.err
    assert "1 have an empty side" in said.err
    assert len(opened) == 1


BAD_OPTIONS = [
    (["--hidden", "0"], "hidden must be at least 1"),
    (["--hidden", "-3"], "hidden must be at least 1"),
    (["--hidden", "1e3"], "hidden must be a whole number"),
    (["--hidden", "9" * 5000], "hidden"),
    (["--steps", "9" * 400], "steps is too large"),
    (["--lr", "-1"], "lr must be more than 0"),
    (["--lr", "0"], "lr must be more than 0"),
    (["--lr", "nan"], "lr must be a finite number"),
    (["--minutes", "inf"], "minutes must be a finite number"),
    (["--dropout", "1"], "dropout must be at most 0.95"),
    (["--temperature", "0"], "temperature must be more than 0"),
    (["--temperature", "inf"], "temperature must be a finite number"),
    (["--top-k", "-1"], "top_k must be at least 0"),
    (["--cell", "lsmt"], "did you mean 'lstm'?"),
    (["--minutes", "1", "--steps", "5"], "only one of minutes, epochs and steps"),
    (["--tied", "--hidden", "8", "--embedding", "4"], "tied weights need"),
    (["--valid-fraction", "0.6", "--test-fraction", "0.6"], "nothing to train on"),
    (["--name", "../x"], "cannot be a run's name"),
    (["--name", "a/b"], "cannot be a run's name"),
    (["--name", "a\x1b[2Jb"], "cannot be a run's name"),
    (["--name=-x"], "cannot be a run's name"),
    (["--name", "latest"], "latest"),
    (["--config", "/nowhere.toml"], "/nowhere.toml: cannot be read"),
]


def test_a_run_from_another_one_names_it(lstmtui, make_run, text_file):
    start = make_run("start", cell="gru", hidden=12, tokens="words")
    said = lstmtui("train", text_file, "--from", "start", "--steps", "3", "--name", "next")
    assert said.code == 0
    assert "from       start: its weights and vocabulary" in said.err
    s = config.load(runs_root() / "next" / "config.toml")
    assert (s.data.start, s.network.cell, s.network.hidden) == (str(start.path.resolve()), "gru", 12)
    said = lstmtui("train", text_file, "--from", "start", "--hidden", "13")
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert "--hidden 13 is not what the network of run 'start' has (12)" in said.err


@pytest.mark.parametrize(("options", "words"), BAD_OPTIONS, ids=[" ".join(o)[:40] for o, _ in BAD_OPTIONS])
def test_a_bad_option_is_one_sentence_and_no_run(lstmtui, text_file, options, words):
    said = lstmtui("train", text_file, *options)
    assert said.code == 2
    assert words in said.err
    assert said.err.count("\n") == 1
    assert "\x1b" not in said.err
    assert len(said.err) < 400
    assert not list_runs()


def test_a_used_name_is_refused(lstmtui, text_file):
    assert lstmtui("train", text_file, *SMALL, "--name", "x").code == 0
    said = lstmtui("train", text_file, *SMALL, "--name", "x")
    assert said.code == 2
    assert "already a run 'x'" in said.err


def test_an_unwritable_folder_is_one_sentence(lstmtui, text_file, tmp_path):
    said = lstmtui("train", text_file, *SMALL, "--runs-dir", text_file / "below")
    assert said.code == 1
    assert "cannot be written" in said.err
