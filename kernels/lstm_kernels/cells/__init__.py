"""The table of cells: what differs between them, as data. A sixth cell is one new file and one entry here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lstm_kernels.cells import coupled, gru, lstm, peephole, rnn


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One recurrent unit: its names, its shapes and its mathematics."""

    name: str
    """What configuration files and commands call it."""
    title: str
    """One line for people."""
    gates: tuple[str, ...]
    """Row blocks of W_ih, W_hh and b, in PyTorch's order."""
    sigmoid_gates: tuple[str, ...]
    """Those of the gates that lie between 0 and 1, and so can saturate."""
    saved: tuple[str, ...]
    """What a unit keeps of each step for backward; the gates come first, in their order."""
    unit_params: tuple[str, ...]
    """Names of the parameters of one value a unit, the rows of `unit`."""
    states: tuple[str, ...]
    """What is carried from step to step."""
    split: bool
    """Whether the gradient of W_ih x differs from that of W_hh h."""
    forward: Callable[..., Any]
    """(a_x, a_h, p, h_prev, c_prev) -> (saved, h, c), of one unit; the first three and `saved` are tuples."""
    backward: Callable[..., Any]
    """(dh, dc, saved, p, h_prev, c_prev, c) -> (da_x, da_h, dp, dh_prev, dc_prev); dh_prev leaves out what goes
    through W_hh."""
    citation: str

    @property
    def has_c(self) -> bool:
        """Whether the unit carries a cell state beside h."""
        return "c" in self.states


CELLS: dict[str, Cell] = {
    cell.name: cell
    for cell in (
        Cell(
            name="rnn",
            title="Simple recurrent network (tanh)",
            gates=rnn.GATES,
            sigmoid_gates=(),
            saved=rnn.GATES,
            unit_params=(),
            states=("h",),
            split=False,
            forward=rnn.forward,
            backward=rnn.backward,
            citation="Elman 1990, Finding structure in time, Cognitive Science 14(2)",
        ),
        Cell(
            name="lstm",
            title="LSTM with forget gate",
            gates=lstm.GATES,
            sigmoid_gates=("i", "f", "o"),
            saved=lstm.GATES,
            unit_params=(),
            states=("h", "c"),
            split=False,
            forward=lstm.forward,
            backward=lstm.backward,
            citation="Hochreiter and Schmidhuber 1997; Gers, Schmidhuber and Cummins 2000; Greff et al. 2017, "
            "arXiv:1503.04069",
        ),
        Cell(
            name="peephole",
            title="LSTM whose gates see the cell state",
            gates=peephole.GATES,
            sigmoid_gates=("i", "f", "o"),
            saved=peephole.GATES,
            unit_params=("p_i", "p_f", "p_o"),
            states=("h", "c"),
            split=False,
            forward=peephole.forward,
            backward=peephole.backward,
            citation="Gers, Schraudolph and Schmidhuber 2002, JMLR 3; Greff et al. 2017, arXiv:1503.04069",
        ),
        Cell(
            name="coupled",
            title="LSTM with one gate for input and forgetting",
            gates=coupled.GATES,
            sigmoid_gates=("i", "o"),
            saved=coupled.GATES,
            unit_params=(),
            states=("h", "c"),
            split=False,
            forward=coupled.forward,
            backward=coupled.backward,
            citation="Greff et al. 2017, arXiv:1503.04069, variant CIFG",
        ),
        Cell(
            name="gru",
            title="Gated recurrent unit (reset after the product)",
            gates=gru.GATES,
            sigmoid_gates=("r", "z"),
            saved=(*gru.GATES, "q"),
            unit_params=("b_hn",),
            states=("h",),
            split=True,
            forward=gru.forward,
            backward=gru.backward,
            citation="Cho et al. 2014, arXiv:1406.1078",
        ),
    )
}
