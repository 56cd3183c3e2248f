"""Translate a kernel from NVIDIA's assembly (PTX) to C, as much of it as Numba makes of the kernels here.

Each register becomes a variable, each instruction a statement; memory is reached through the functions of `gpu.h`. See
NVIDIA, Parallel Thread Execution ISA, https://docs.nvidia.com/cuda/parallel-thread-execution.
"""

from __future__ import annotations

import re
from collections.abc import Callable

TYPES = {
    "pred": "int", "b8": "uint8_t", "u8": "uint8_t", "s8": "int8_t", "b16": "uint16_t", "u16": "uint16_t",
    "s16": "int16_t", "b32": "uint32_t", "u32": "uint32_t", "s32": "int32_t", "b64": "uint64_t", "u64": "uint64_t",
    "s64": "int64_t", "f32": "float", "f64": "double",
}  # fmt: skip
WIDER = {"s16": "int32_t", "u16": "uint32_t", "s32": "int64_t", "u32": "uint64_t"}
WIDER |= {"s64": "__int128", "u64": "unsigned __int128"}
OPERATORS = {"add": "+", "sub": "-", "and": "&", "or": "|", "xor": "^", "div": "/", "rem": "%", "not": "~", "neg": "-"}
COMPARISONS = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
COMPARISONS |= {"lo": "<", "ls": "<=", "hi": ">", "hs": ">="}
ROUNDED = {"rni": "rint", "rzi": "trunc", "rmi": "floor", "rpi": "ceil"}
SPECIAL = {"tid": "thread", "ntid": "threads", "ctaid": "block_at", "nctaid": "blocks"}


class UntranslatedError(Exception):
    """An instruction that is not known here."""


def bits(kind: str) -> int:
    return int(kind[1:])


class Translation:
    """One kernel: `source` is its C."""

    def __init__(self, ptx: str) -> None:
        found = re.search(r"\.visible \.entry (\w+)\s*\((.*?)\)[^{]*\{(.*)\n\}", ptx, re.DOTALL)
        if found is None:
            raise UntranslatedError("no kernel")
        self.name, parameters, body = found[1], found[2], found[3]
        self._parameters(parameters)
        self._shared_memory(ptx)
        self._kinds: dict[str, str] = {}
        self._declared: list[str] = ["uint32_t temp;"]
        self._local: set[str] = set()
        self._code: list[str] = []
        self._line = 0
        for self._line, line in enumerate(re.sub(r"//[^\n]*", "", body).split("\n"), start=1):
            for statement in line.split(";"):
                self._statement(statement.strip())
        self.source = self._source(waits="red.release" in body)

    def _parameters(self, text: str) -> None:
        self._at: dict[str, int] = {}
        self._sizes: list[int] = []
        end = 0
        for kind, name in re.findall(r"\.param \.(\w+) (\w+)", text):
            size = bits(kind) // 8
            self._at[name] = -(-end // size) * size
            self._sizes.append(size)
            end = self._at[name] + size

    def _shared_memory(self, ptx: str) -> None:
        """Lay out arrays of a fixed size, then the one whose size the start says."""
        self._shared: dict[str, int] = {}
        end = 0
        for aligned, name, size in re.findall(r"\.visible \.shared \.align (\d+) \.b8 (\w+)\[(\d+)\]", ptx):
            self._shared[name] = -(-end // int(aligned)) * int(aligned)
            end = self._shared[name] + int(size)
        self._fixed = -(-end // 16) * 16
        for name in re.findall(r"\.extern \.shared \.align \d+ \.b8 (\w+)\[\]", ptx):
            self._shared[name] = self._fixed

    def _source(self, *, waits: bool) -> str:
        offsets = ", ".join(map(str, self._at.values()))
        sizes = ", ".join(map(str, self._sizes))
        return "\n".join([
            '#include "gpu.h"',
            "static void run(Thread *t, const char *arguments) {",
            *self._declared,
            *self._code,
            "}",
            f"static const int offsets[] = {{{offsets}}}, sizes[] = {{{sizes}}};",
            f'Kernel kernel = {{"{self.name}", run, {len(self._sizes)}, offsets, sizes,',
            f"                 {self._fixed}, {int(waits)}, 0}};",
            "",
        ])  # fmt: skip

    # --- operands -----------------------------------------------------------------------------------------------------

    def _value(self, operand: str, kind: str) -> str:
        """Return an operand as C has it, as a number of this kind."""
        operand = operand.strip()
        if special := re.fullmatch(r"%(n?(?:cta|t)id)\.([xyz])", operand):
            return f"t->{SPECIAL[special[1]]}[{'xyz'.index(special[2])}]"
        if operand == "%dynamic_smem_size":
            return "t->dynamic_shared"
        if operand.startswith("%"):
            return f"(({TYPES[kind]}){operand[1:]})"
        if literal := re.fullmatch(r"0([fd])([0-9A-Fa-f]+)", operand):
            return f"float_of(0x{literal[2]}u)" if literal[1] == "f" else f"double_of(0x{literal[2]}ull)"
        if re.fullmatch(r"-?\d+", operand):
            return f"(({TYPES[kind]}){operand}ll)"
        if operand in self._shared:
            return f"((uint64_t)(SHARED_BEGINS + {self._shared[operand]}))"
        if operand in self._local:
            return f"((uint64_t){operand})"
        raise UntranslatedError(operand)

    def _address(self, operand: str) -> str:
        found = re.fullmatch(r"\[(%?\w+)(?:\+(-?\d+))?\]", operand)
        if found is None:
            raise UntranslatedError(operand)
        return f"({self._value(found[1], 'u64')} + {found[2] or 0}ll)"

    def _kind(self, register: str) -> str:
        return self._kinds[re.match(r"%?([a-z]+)", register)[1]]  # type: ignore[index]

    # --- statements ---------------------------------------------------------------------------------------------------

    def _statement(self, text: str) -> None:
        text = re.sub(r"^[{}]\s*(?![%\w])", "", text).strip()
        if text.startswith("{") and not text.startswith("{%"):
            text = text[1:].strip()
        if label := re.match(r"\$(\w+):\s*", text):
            self._code.append(f"{label[1]}:;")
            text = text[label.end() :]
        if registers := re.match(r"\.reg \.(\w+)\s+%(\w+?)<(\d+)>", text):
            kind, name, count = registers.groups()
            self._kinds[name] = kind
            self._declared.append(f"{TYPES[kind]} {', '.join(f'{name}{n}' for n in range(int(count)))};")
        elif array := re.match(r"\.local \.align (\d+) \.b8\s+(\w+)\[(\d+)\]", text):
            self._local.add(array[2])
            self._declared.append(f"char {array[2]}[{array[3]}] __attribute__((aligned({array[1]})));")
        elif text and not text.startswith("."):
            condition = ""
            if guard := re.match(r"@(!?)%(\w+)\s+", text):
                condition, text = f"if ({guard[1]}{guard[2]}) ", text[guard.end() :]
            name, _, rest = text.replace("\t", " ").partition(" ")
            operands = [one.strip() for one in re.findall(r"\s*(\{[^}]*\}|[^,\s][^,]*)", rest)]
            self._code.append(f"{condition}{{ {self._instruction(name.split('.'), operands)} }}")

    def _instruction(self, name: list[str], operands: list[str]) -> str:
        """Return the statements of one instruction, such as ["setp", "lt", "f32"] or ["ld", "shared", "v4", "f32"]."""
        what, kind = name[0], name[-1]
        if what in ("ld", "st"):
            return self._memory(what, name, kind, operands)
        if what == "mov":
            return self._move(kind, operands)
        into = operands[0].removeprefix("%") if operands else ""
        a, b, c = ((lambda k, n=n: self._value(operands[n], k)) for n in (1, 2, 3))
        simple: dict[str, Callable[[], str]] = {
            "ret": lambda: "return;",
            "bra": lambda: f"goto {operands[0].removeprefix('$')};",
            "bar": lambda: "gpu_barrier(t);",
            "red": lambda: f"gpu_release(t, {self._address(operands[0])}, {a('u32')}, {self._line});",
            "cvta": lambda: f"{into} = {a('u64')};",
            "selp": lambda: f"{into} = {c('pred')} ? {a(kind)} : {b(kind)};",
            "setp": lambda: f"{into} = {compared(name[1], kind, a(kind), b(kind))};",
            "cvt": lambda: f"{into} = ({TYPES[name[-2]]}){''.join(ROUNDED.get(n, '') for n in name)}({a(kind)});",
            "fma": lambda: f"{into} = {'fmaf' if kind == 'f32' else 'fma'}({a(kind)}, {b(kind)}, {c(kind)});",
            "mul": lambda: f"{into} = {multiplied(name, kind, a(kind), b(kind))};",
            "sqrt": lambda: f"{into} = {'sqrtf' if kind == 'f32' else 'sqrt'}({a(kind)});",
            "rcp": lambda: f"{into} = 1 / {a(kind)};",
            "ex2": lambda: f"{into} = exp2f({a(kind)});",
            "copysign": lambda: f"{into} = copysign({b(kind)}, {a(kind)});",
            "abs": lambda: f"{into} = {'fabs' if kind[0] == 'f' else 'llabs'}({a(kind)});",
            "shl": lambda: f"{into} = {b('u32')} < {bits(kind)} ? {a(kind)} << {b('u32')} : 0;",
            "shr": lambda: f"{into} = {a(kind)} >> ({b('u32')} < {bits(kind)} ? {b('u32')} : {bits(kind) - 1});",
        }
        if what in simple:
            return simple[what]()
        if what in ("min", "max"):
            if kind[0] == "f":
                return f"{into} = f{what}({a(kind)}, {b(kind)});"
            return f"{into} = {a(kind)} {'<' if what == 'min' else '>'} {b(kind)} ? {a(kind)} : {b(kind)};"
        if what in ("not", "neg"):
            return f"{into} = {'!' if kind == 'pred' else OPERATORS[what]}{a(kind)};"
        if what in OPERATORS:
            return f"{into} = {a(kind)} {OPERATORS[what]} {b(kind)};"
        raise UntranslatedError(".".join(name))

    def _memory(self, what: str, name: list[str], kind: str, operands: list[str]) -> str:
        registers, address = operands if what == "ld" else operands[::-1]
        if "param" in name:
            return f"{registers[1:]} = *({TYPES[kind]} *)(arguments + {self._at[address[1:-1]]});"
        if "acquire" in name:
            return f"{registers[1:]} = gpu_acquire(t, {self._address(address)}, {self._line});"
        each = [one.strip() for one in registers.strip("{}").split(",")]
        kind_in_c, at = TYPES[kind], self._address(address)
        if "local" in name:
            place = f"(({kind_in_c} *){at})"
            moves = (f"{one[1:]} = {place}[{n}];" if what == "ld" else f"{place}[{n}] = {self._value(one, kind)};"
                     for n, one in enumerate(each))  # fmt: skip
            return " ".join(moves)
        space = "SHARED" if "shared" in name else "GLOBAL"
        if what == "ld":
            taken = " ".join(f"{one[1:]} = v[{n}];" for n, one in enumerate(each))
            return f"{kind_in_c} v[{len(each)}]; gpu_load(t, {space}, {at}, v, sizeof v, {self._line}); {taken}"
        values = ", ".join(self._value(one, kind) for one in each)
        return f"{kind_in_c} v[] = {{{values}}}; gpu_store(t, {space}, {at}, v, sizeof v, {self._line});"

    def _move(self, kind: str, operands: list[str]) -> str:
        into, what = operands
        if into.startswith("{"):
            low, high = (one.strip()[1:] for one in into.strip("{}").split(","))
            return f"uint64_t q; memcpy(&q, &{what[1:]}, 8); {low} = (uint32_t)q; {high} = (uint32_t)(q >> 32);"
        if what.startswith("{"):
            low, high = (self._value(one, "u32") for one in what.strip("{}").split(","))
            return f"uint64_t q = (uint64_t){low} | (uint64_t){high} << 32; memcpy(&{into[1:]}, &q, 8);"
        if kind[0] == "b" and what[1:] and what.startswith("%") and not re.match(r"%\w+\.|%dynamic", what):
            return f"memcpy(&{into[1:]}, &{what[1:]}, {bits(kind) // 8});"  # bits as they are, of whatever kind
        if kind[0] == "b" and self._kind(into)[0] == "f":
            return f"{TYPES[kind]} q = {self._value(what, kind)}; memcpy(&{into[1:]}, &q, sizeof q);"
        return f"{into[1:]} = {self._value(what, kind)};"


def compared(how: str, kind: str, a: str, b: str) -> str:
    """Return a comparison; those of floats may hold (`ltu`), or not (`lt`), where one is no number."""
    if kind[0] != "f":
        return f"({a} {COMPARISONS[how]} {b})"
    unordered = f"(isnan({a}) || isnan({b}))"
    if how in ("nan", "num"):
        return unordered if how == "nan" else f"!{unordered}"
    if how in COMPARISONS:
        return f"(!{unordered} && {a} {COMPARISONS[how]} {b})"
    return f"({unordered} || {a} {COMPARISONS[how[:-1]]} {b})"


def multiplied(name: list[str], kind: str, a: str, b: str) -> str:
    """Return a product: all of it (`wide`), its upper half (`hi`), or what has room."""
    if "wide" in name:
        return f"({WIDER[kind]}){a} * ({WIDER[kind]}){b}"
    if "hi" in name:
        return f"(({WIDER[kind]}){a} * ({WIDER[kind]}){b}) >> {bits(kind)}"
    return f"{a} * {b}"
