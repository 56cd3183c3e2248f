"""Runs of the first development version (commit 8752f18) resume and are shown without a difference.

Each folder of tests/fixtures/runs_of_8752f18 is a run of 30 steps whose engine was killed after step 17, and
`expected-final.npz` holds the weights that the same version reached from there. The text is that of `tiny.corpus`;
CORPUS in config.toml stands for its path.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from support import tiny

from lstmtui.engine.training.trainer import Trainer, run_to_the_end
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.probes import read_saturation
from lstmtui.runs.reader import RunReader
from lstmtui.runs.writer import RunWriter

FIXTURES = Path(__file__).parent.parent / "fixtures" / "runs_of_8752f18"
RUNS = sorted(path.name for path in FIXTURES.iterdir())


@pytest.fixture(params=RUNS)
def older_run(request, tmp_path) -> RunFolder:
    """A copy of one such run in this test's folder of runs."""
    run = RunFolder(tmp_path / "runs" / request.param)
    shutil.copytree(FIXTURES / request.param, run.path)
    text = run.config.read_text().replace("CORPUS", str(tiny.corpus(tmp_path)))
    run.config.write_text(text)
    return run


def test_an_older_run_resumes_to_the_weights_of_its_own_version(older_run):
    writer = RunWriter(older_run, interval=60)
    try:
        assert run_to_the_end(Trainer(older_run, writer, lambda: False)) == "finished"
    finally:
        writer.close()
    reached = tiny.last_weights(older_run)
    with np.load(older_run.path / "expected-final.npz") as expected:
        assert len(expected.files) > 3
        for name in expected.files:
            # Another processor may add in another order (vectors of another width): float32, a dozen steps.
            found = np.frombuffer(reached[name], np.float32).reshape(expected[name].shape)
            np.testing.assert_allclose(found, expected[name], rtol=1e-3, atol=1e-4, err_msg=name)


def test_an_older_run_is_shown_with_its_settings_curves_samples_and_probes(older_run):
    snapshot = RunReader(older_run).refresh()
    assert snapshot.settings is not None
    assert snapshot.settings.network.hidden == 8
    assert snapshot.state == "crashed"  # its engine was killed
    assert [point.step for point in snapshot.valid] == [10]
    assert len(snapshot.train) >= 2
    assert snapshot.samples[0].text
    assert [probe.step for probe in read_saturation(older_run)] == [10]
