import pytest
from support import tiny
from support.in_process import train

from lstmtui import config
from lstmtui.engine import checkpoint
from lstmtui.engine.inference.best_weights import load_best_weights, require_checkpoint
from lstmtui.engine.nn.params import parameters
from lstmtui.errors import CorruptError, UsageError


@pytest.mark.parametrize(("ema", "prefix"), [(0.0, "weights"), (0.9, "ema")])
def test_they_are_those_that_evaluation_used(tmp_path, ema, prefix):
    run = tiny.create(tmp_path, ema=ema, steps=10)
    assert train(run) == "finished"
    s, stored = config.load(run.config), checkpoint.best(run)
    step, weights = load_best_weights(run, s, parameters(s, len(stored.tensors["weights.embedding"])), {})
    assert step == stored.step
    for name, view in weights.views.items():
        assert (view == stored.tensors[f"{prefix}.{name}"]).all()
    with pytest.raises(CorruptError, match="belongs to another run: it has cell 'lstm', not 'gru'"):
        load_best_weights(run, s, [], {"cell": "gru"})


def test_a_run_without_a_checkpoint_is_refused(tmp_path):
    run = tiny.create(tmp_path)
    with pytest.raises(UsageError, match="no checkpoint yet; 'lstmtui resume tiny' trains it"):
        require_checkpoint(run)
    with pytest.raises(UsageError, match="no checkpoint any more"):
        load_best_weights(run, config.load(run.config), [], {})
