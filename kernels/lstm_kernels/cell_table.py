"""The table of cells: everything about a cell except its mathematics. It loads neither Numba nor NumPy.

A new cell is one file in `cells/` (equations, `forward` and `backward` of one unit) and one entry here. Configuration,
initial weights, probes, screens and both devices read what they need from the entry.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

SIGMOID, TANH, EXPONENTIAL, LINEAR = "sigmoid", "tanh", "exponential", "linear"
"""Nonlinearities of gates. An exponential gate is scaled by its stabiliser, so that it lies between 0 and 1."""

SHARED, OWN, NONE = "shared", "own", "none"
"""How a gate reads h_{t-1}: by a product that is added to that of x_t and shares its gradient; by a product that enters
the cell elsewhere and has its own gradient; or not at all."""


@dataclass(frozen=True, slots=True)
class Gate:
    """One row block of W_ih and b, and of W_hh unless the gate has no recurrent product."""

    name: str
    label: str
    """For people."""
    kind: str
    """Its nonlinearity."""
    recurrent: str = SHARED

    @property
    def saturates_beyond(self) -> tuple[float, float]:
        """The values below and above which the gate counts as saturated."""
        if self.kind == LINEAR:
            return float("-inf"), float("inf")
        return (-0.9, 0.9) if self.kind == TANH else (0.1, 0.9)

    @property
    def bounds(self) -> tuple[float, float] | None:
        """The values between which the gate lies; None where it has no bounds."""
        return {SIGMOID: (0.0, 1.0), EXPONENTIAL: (0.0, 1.0), TANH: (-1.0, 1.0)}.get(self.kind)


@dataclass(frozen=True, slots=True)
class Memory:
    """A state that a unit carries beside h."""

    name: str
    label: str
    """For people."""


@dataclass(frozen=True, slots=True)
class MemoryGate:
    """The gate that scales a unit's memory from step to step: the forget or update gate."""

    gate: str
    sign: int
    """1 where an open gate keeps the memory, -1 where it erases it."""
    input_gate: str | None = None
    """The gate that scales new input, where it is another one."""
    biased: bool = True
    """Whether its initial bias is the setting `forget_bias` times the sign; otherwise it is 0."""


@dataclass(frozen=True, slots=True)
class Product:
    """Consecutive row blocks of W_hh whose gradients are adjacent: da = gradients[:, first * H : (first + count) * H].

    They give the gradient of W_hh[row * H : (row + count) * H], and its share of dh_{t-1}.
    """

    own: bool
    """Whether the gradients are those of the recurrent products alone, in `extra`; otherwise those of the gates."""
    first: int
    count: int
    row: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A recurrent cell: its names, its parts and its source."""

    name: str
    """In configuration files and commands."""
    title: str
    """One line for people."""
    hint: str
    """What it is good for, in a few words."""
    gates: tuple[Gate, ...]
    """In PyTorch's order, where it has one."""
    memory_gate: MemoryGate | None
    saved: tuple[str, ...] = ()
    """Values that a unit saves at each step for backward, beyond its gates."""
    unit_params: tuple[str, ...] = ()
    """Parameters with one value for each unit: the rows of `unit`."""
    memories: tuple[Memory, ...] = ()
    """States beside h, side by side in the array c (B, M H)."""
    module: str = ""
    """The module with `forward` and `backward` of one unit; empty for the file of `cells/` with the cell's name."""
    citation: str

    @property
    def gate_names(self) -> tuple[str, ...]:
        """The names of the gates, in their order."""
        return tuple(gate.name for gate in self.gates)

    @property
    def states(self) -> tuple[str, ...]:
        """The names of all states that are carried from step to step: h, then the memories."""
        return ("h", *(memory.name for memory in self.memories))

    @property
    def recurrent_gates(self) -> tuple[int, ...]:
        """Indices of the gates with a recurrent product, one for each row block of W_hh."""
        return tuple(at for at, gate in enumerate(self.gates) if gate.recurrent != NONE)

    @property
    def own_gates(self) -> tuple[int, ...]:
        """Indices of the gates whose recurrent product has its own gradient, one for each column block of `extra`."""
        return tuple(at for at, gate in enumerate(self.gates) if gate.recurrent == OWN)

    @property
    def extra_blocks(self) -> int:
        """Values of a unit at each step beyond its gates: `saved` in forward, gradients of `own_gates` in backward."""
        return max(len(self.saved), len(self.own_gates))

    @property
    def scratch_blocks(self) -> int:
        """Scratch values of a unit of each sequence: its recurrent products, or gradients of its own parameters."""
        return max(len(self.gates), len(self.unit_params))

    @property
    def products(self) -> tuple[Product, ...]:
        """The recurrent products, grouped by where backward leaves their gradients."""
        places = [
            (gate.recurrent == OWN, self.own_gates.index(at) if gate.recurrent == OWN else at)
            for at, gate in enumerate(self.gates)
            if gate.recurrent != NONE
        ]
        found = []
        for _, run in groupby(enumerate(places), key=lambda entry: (entry[1][0], entry[1][1] - entry[0])):
            (row, (own, first)), *more = run
            found.append(Product(own, first, 1 + len(more), row))
        return tuple(found)

    def label(self, part: str) -> str:
        """Return the label of a gate or a state."""
        named = {gate.name: gate.label for gate in self.gates} | {m.name: m.label for m in self.memories}
        return named.get(part, "state h" if part == "h" else part)


_C = Memory("c", "cell state c")
_LSTM_GATES = (
    Gate("i", "input gate i", SIGMOID),
    Gate("f", "forget gate f", SIGMOID),
    Gate("g", "candidate g", TANH),
    Gate("o", "output gate o", SIGMOID),
)

CELLS: dict[str, Cell] = {
    cell.name: cell
    for cell in (
        Cell(
            name="rnn",
            title="Simple recurrent network (tanh)",
            hint="the plain one: fast, forgets within some ten steps",
            gates=(Gate("h", "state h", TANH),),
            memory_gate=None,
            citation="Elman 1990, Finding structure in time, Cognitive Science 14(2)",
        ),
        Cell(
            name="lstm",
            title="LSTM with forget gate",
            hint="remembers over hundreds of steps; the one to begin with",
            gates=_LSTM_GATES,
            memory_gate=MemoryGate("f", 1, input_gate="i"),
            memories=(_C,),
            citation="Hochreiter and Schmidhuber 1997; Gers, Schmidhuber and Cummins 2000; Greff et al. 2017, "
            "arXiv:1503.04069",
        ),
        Cell(
            name="peephole",
            title="LSTM whose gates see the cell state",
            hint="lstm whose gates see the cell: for timing and counting",
            gates=_LSTM_GATES,
            memory_gate=MemoryGate("f", 1, input_gate="i"),
            unit_params=("p_i", "p_f", "p_o"),
            memories=(_C,),
            citation="Gers, Schraudolph and Schmidhuber 2002, JMLR 3; Greff et al. 2017, arXiv:1503.04069",
        ),
        Cell(
            name="coupled",
            title="LSTM with one gate for input and forgetting",
            hint="lstm that forgets what it overwrites: a fifth lighter",
            gates=(_LSTM_GATES[0], _LSTM_GATES[2], _LSTM_GATES[3]),
            memory_gate=MemoryGate("i", -1),
            memories=(_C,),
            citation="Greff et al. 2017, arXiv:1503.04069, variant CIFG",
        ),
        Cell(
            name="gru",
            title="Gated recurrent unit (reset after the product)",
            hint="nearly as good as lstm, with a quarter less to compute",
            gates=(
                Gate("r", "reset gate r", SIGMOID),
                Gate("z", "update gate z", SIGMOID),
                Gate("n", "candidate n", TANH, OWN),
            ),
            memory_gate=MemoryGate("z", 1, biased=False),
            saved=("q",),
            unit_params=("b_hn",),
            citation="Cho et al. 2014, arXiv:1406.1078",
        ),
        Cell(
            name="slstm",
            title="sLSTM: exponential gates with a normaliser",
            hint="lstm whose input gate can overrule all that it remembers",
            gates=(
                Gate("i", "input gate i", EXPONENTIAL),
                Gate("f", "forget gate f", EXPONENTIAL),
                Gate("z", "candidate z", TANH),
                Gate("o", "output gate o", SIGMOID),
            ),
            memory_gate=MemoryGate("f", 1),
            saved=("s",),
            memories=(_C, Memory("n", "normaliser n"), Memory("m", "stabiliser m")),
            citation="Beck et al. 2024, xLSTM: Extended Long Short-Term Memory, arXiv:2405.04517",
        ),
        Cell(
            name="mingru",
            title="minGRU: gates that do not see the state",
            hint="no recurrent product: the cheapest a step, the least expressive",
            gates=(Gate("z", "update gate z", SIGMOID, NONE), Gate("n", "candidate n", LINEAR, NONE)),
            memory_gate=MemoryGate("z", -1, biased=False),
            citation="Feng et al. 2024, Were RNNs All We Needed?, arXiv:2410.01201",
        ),
    )
}
