"""The run that comes with the program is unpacked into the folder of runs, and the package stays as it is."""

from __future__ import annotations

import json
import zipfile

import pytest
from support.bare_run import bare_run

from lstmtui.engine.autocomplete.build import build_mixture, completer_with
from lstmtui.engine.inference.loaded_model import load
from lstmtui.errors import LstmtuiError, UsageError
from lstmtui.runs import base, listing, names, removal
from lstmtui.runs.archive import OMITTED_FOLDER

MAX_BYTES = 8_000_000

HEAD = b"\x02\x00\x00\x00\x00\x00\x00\x00{}"


def store(archive, tmp_path, version: str, step: int) -> None:
    """Write an archive with two weights, 1.0 and -2.0."""
    made = bare_run(tmp_path / version, base.NAME)
    name = f"step-{step:08d}.safetensors"
    with zipfile.ZipFile(archive, "w") as contents:
        for path in (made.config, made.status):
            contents.writestr(path.name, path.read_bytes())
        contents.writestr(base.BEST, f'{{"file": "{name}"}}')
        contents.writestr("autocomplete/text.npz", version)
        for member, data in ((base.HEAD, HEAD), (base.HIGH, b"\x3f\xc0"), (base.LOW, b"\x80\x00")):
            contents.writestr(member, data)
        contents.comment = version.encode()


@pytest.fixture
def archive(tmp_path, monkeypatch):
    path = tmp_path / "package" / "run.zip"
    path.parent.mkdir()
    store(path, tmp_path, "one", 3)
    monkeypatch.setattr(base, "stored_run", lambda: path)
    return path


def test_it_is_found_by_name_and_listed_nowhere(archive, root):
    before = archive.read_bytes()
    run = listing.find_run("base")
    assert run == base.copy_in(root)
    assert base.is_base(run)
    assert (run.checkpoints / "step-00000003.safetensors").read_bytes() == HEAD + bytes.fromhex("0000803f 000000c0")
    assert (run.autocomplete / "text.npz").read_bytes() == b"one"
    assert listing.list_runs() == []
    assert list(archive.parent.iterdir()) == [archive]
    assert archive.read_bytes() == before


def test_a_run_of_the_user_called_base_comes_first(archive, root):
    own = bare_run(root, "base")
    assert listing.find_run("base").path == own.path
    assert not base.is_base(own)
    assert not base.copy_in(root).path.exists()


def test_it_stands_in_for_the_latest_run_where_there_is_none(archive, root):
    assert listing.latest_or_base("latest") == "base"
    assert listing.latest_or_base("diary") == "diary"
    bare_run(root, "diary")
    assert listing.latest_or_base("latest") == "latest"


def test_a_second_use_writes_nothing(archive, root):
    run = listing.find_run("base")
    (run.autocomplete / "text.npz").write_bytes(b"changed")
    assert listing.find_run("base") == run
    assert (run.autocomplete / "text.npz").read_bytes() == b"changed"


def test_a_newer_one_replaces_the_weights_and_keeps_the_profile(archive, root, tmp_path):
    run = listing.find_run("base")
    for name in ("profile.npz", "biases.npz"):
        (run.autocomplete / name).write_bytes(b"of a person")
    store(archive, tmp_path, "two", 5)
    listing.find_run("base")
    assert [path.name for path in run.checkpoints.glob("step-*")] == ["step-00000005.safetensors"]
    assert (run.autocomplete / "text.npz").read_bytes() == b"two"
    assert (run.autocomplete / "profile.npz").read_bytes() == b"of a person"
    assert not (run.autocomplete / "biases.npz").exists()


def test_one_that_was_removed_comes_back(archive, root):
    removal.remove_run(listing.find_removable_run("base"))
    assert not base.copy_in(root).path.exists()
    assert listing.find_run("base").config.exists()


def test_what_was_interrupted_is_done_again(archive, root, monkeypatch):
    written = base.write_atomically

    def fail(path, data, **options):
        if path.name == "config.toml":
            raise OSError(28, "no space left on device")
        written(path, data, **options)

    monkeypatch.setattr(base, "write_atomically", fail)
    with pytest.raises(LstmtuiError, match=r"cannot be unpacked into .*no space left.*LSTMTUI_RUNS"):
        listing.find_run("base")
    monkeypatch.setattr(base, "write_atomically", written)
    assert listing.find_run("base").config.exists()


def test_it_keeps_its_name(archive, root):
    with pytest.raises(UsageError, match="keeps its name"):
        names.rename_run(listing.find_run("base"), "mine")


def test_a_package_without_it_has_no_base(tmp_path, root, monkeypatch):
    monkeypatch.setattr(base, "stored_run", lambda: tmp_path / "run.zip")
    assert listing.latest_or_base("latest") == "latest"
    with pytest.raises(UsageError, match="There is no run 'base'"):
        listing.find_run("base")


# --- the run in the package -------------------------------------------------------------------------------------------


def test_the_stored_run_is_small_and_bears_no_path_of_its_maker():
    stored = base.stored_run()
    assert stored.stat().st_size < MAX_BYTES
    with stored.open("rb") as file, zipfile.ZipFile(file) as contents:
        assert contents.testzip() is None
        settings, status = contents.read("config.toml").decode(), json.loads(contents.read("status.json"))
        assert len(contents.read(base.HIGH)) == len(contents.read(base.LOW)) == status["parameters"]
    assert f'"{OMITTED_FOLDER}/base.txt"' in settings
    assert not {"host", "pid"} & set(status)


def test_the_stored_run_completes_well_known_phrases(root):
    run = listing.find_run("base")
    model = load(run)
    completer = completer_with(model, build_mixture(model), compiled=False)
    for text, word in (("Thank you very m", "uch"), ("how are y", "ou"), ("see you tom", "orrow"), ("I have be", "en")):
        assert completer.complete(text)[0].text == word
    assert next(iter(completer.complete("I don't "))).text in ("know", "think", "want", "have", "like")
