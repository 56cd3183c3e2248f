from __future__ import annotations

import csv
import json

import pytest
from support import event_files

from lstmtui.client import exchange
from lstmtui.errors import UsageError


@pytest.fixture(autouse=True)
def run(make_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return make_run("diary")


def test_metrics_as_json_lines_and_csv_on_standard_output(lstmtui):
    rows = [json.loads(line) for line in lstmtui("export", "diary", "--to", "jsonl").out.splitlines()]
    head, *lines = csv.reader(lstmtui("export", "diary", "--to", "csv").out.splitlines())
    assert [row["step"] for row in rows] == [1, 2, 3, 4, 4]
    assert head == list(rows[0])
    assert len(lines) == 5


def test_metrics_in_a_file_which_is_not_overwritten(lstmtui, tmp_path):
    said = lstmtui("export", "diary", "--to", "csv", "--out", "metrics.csv")
    assert (said.code, said.out) == (0, "metrics.csv\n")
    written = (tmp_path / "metrics.csv").read_text()
    assert written.startswith("split,step,")
    again = lstmtui("export", "diary", "--to", "csv", "--out", "metrics.csv")
    assert (again.code, again.err.count("\n")) == (2, 1)
    assert (tmp_path / "metrics.csv").read_text() == written
    assert lstmtui("export", "diary", "--to", "csv", "--out", "nowhere/metrics.csv").code == 1


@pytest.mark.parametrize("arguments", [["nobody", "--to", "csv"], ["diary", "--to", "exe"], ["diary"]])
def test_what_cannot_be_exported_is_one_sentence(lstmtui, arguments):
    said = lstmtui("export", *arguments)
    assert (said.code, said.out, said.err.count("\n")) == (2, "", 1)


def test_a_network_is_a_folder_that_appears_when_it_is_complete(lstmtui, tmp_path, monkeypatch):
    def export_model(run, form, folder):
        (folder / "model.safetensors").write_text(form)
        return 1234

    monkeypatch.setattr(exchange, "export_model", export_model)
    said = lstmtui("export", "diary", "--to", "torch")
    assert (said.code, said.out) == (0, "diary-torch\n")
    assert "step 1,234" in said.err
    assert (tmp_path / "diary-torch" / "model.safetensors").read_text() == "torch"
    assert lstmtui("export", "diary", "--to", "torch").code == 2
    assert lstmtui("export", "diary", "--to", "huggingface", "--out", "hub").out == "hub\n"

    def refuse(run, form, folder):
        raise UsageError("It has no checkpoint yet.")

    monkeypatch.setattr(exchange, "export_model", refuse)
    said = lstmtui("export", "diary", "--to", "torch", "--out", "none")
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert not (tmp_path / "none").exists()
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".tmp")]


def test_events_for_tensorboard(lstmtui, tmp_path):
    said = lstmtui("export", "diary", "--to", "tensorboard")
    assert (said.code, said.out) == (0, "diary-tensorboard\n")
    assert "tensorboard --logdir diary-tensorboard" in said.err
    assert event_files.values(tmp_path / "diary-tensorboard")["valid/nll"][0][::2] == (4, 1.5)
    assert lstmtui("export", "diary", "--to", "tensorboard").code == 2
