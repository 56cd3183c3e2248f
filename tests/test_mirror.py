"""Tests mirror the tree: `lstmtui/data/corpus.py` is tested by `tests/data/test_corpus.py`, and so for every module.

Code in an `__init__.py` is tested by a file named after its folder (`data/tokens/` by `data/tokens/test_tokens.py`),
code in a `__main__.py` by `test_main.py`. Every other arrangement has a line in one of the two tables below, with its
reason; a line that is no longer needed is an error, too.
"""

from __future__ import annotations

import ast
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
TABLES = "tests/test_mirror.py"
MIRRORS = {"lstmtui": "tests", "kernels/lstm_kernels": "tests/kernels"}
"""A folder of modules: the folder of their tests."""


class Elsewhere(NamedTuple):
    """Modules that another file tests."""

    test: str
    reason: str
    modules: tuple[str, ...]
    """Paths or patterns of paths."""


TESTED_ELSEWHERE = (
    # --- the kernels ---
    Elsewhere(
        "tests/kernels/cpu/test_recurrence.py", "every cell of the table, forward and backward, by parameter",
        ("kernels/lstm_kernels/cells/*.py",),
    ),
    Elsewhere(
        "tests/kernels/test_network.py", "every test passes its arrays through it",
        ("kernels/lstm_kernels/cpu/arrays.py",),
    ),
    Elsewhere(
        "tests/kernels/cpu/test_gemm.py", "products are computed by tiles, from packed matrices",
        ("kernels/lstm_kernels/cpu/microkernel/*.py", "kernels/lstm_kernels/cpu/packing.py"),
    ),
    Elsewhere(
        "tests/kernels/numba_patches/test_private_names.py", "names that are used as they are, without a patch",
        tuple(
            f"kernels/lstm_kernels/numba_patches/{name}.py"
            for name in ("codegen", "cuda_codegen", "results", "untyped")
        ),
    ),
    Elsewhere(
        "tests/engine/test_backend.py", "arguments and protocols; mypy checks both devices against them",
        ("kernels/lstm_kernels/interface.py",),
    ),
    Elsewhere(
        "tests/kernels/cpu/test_dropout.py", "the bits are seen in the masks, alike on every thread and device",
        ("kernels/lstm_kernels/random_bits.py",),
    ),
    Elsewhere(
        "tests/kernels/cuda/test_recurrence.py", "the parts of one recurrent layer on a GPU",
        tuple(f"kernels/lstm_kernels/cuda/{name}.py" for name in ("block_gemm", "cell_step", "persistent")),
    ),
    Elsewhere(
        "tests/kernels/cuda/test_optim.py", "sums within a norm and within a penalty",
        ("kernels/lstm_kernels/cuda/reduction.py",),
    ),
    Elsewhere(
        "tests/kernels/cuda/test_driver.py", "how kernels are launched is seen by those that are",
        ("kernels/lstm_kernels/cuda/launch.py", "kernels/lstm_kernels/cuda/ptx.py"),
    ),
    # --- the engine ---
    Elsewhere(
        "tests/engine/training/test_steering.py", "requests to a run that trains",
        ("lstmtui/engine/training/fork.py", "lstmtui/engine/training/settings_in_force.py"),
    ),
    Elsewhere(
        "tests/engine/training/test_trainer.py", "what happens before and between the steps of a run",
        tuple(f"lstmtui/engine/training/{name}.py" for name in ("planning", "interaction", "rollback")),
    ),
    Elsewhere(
        "tests/engine/nn/test_recurrent.py", "the buffers of the layers", ("lstmtui/engine/nn/layer_buffers.py",),
    ),
    Elsewhere(
        "tests/engine/tasks/test_task.py", "a task of the tests, through the table and the protocol of models",
        ("lstmtui/engine/nn/model.py", "lstmtui/engine/tasks/__init__.py"),
    ),
    Elsewhere(
        "tests/engine/tasks/test_translation.py", "what several tasks share",
        ("lstmtui/engine/tasks/encoder_decoder_task.py", "lstmtui/engine/tasks/example_task.py"),
    ),
    Elsewhere(
        "tests/engine/tasks/test_captions.py", "what its probes write", ("lstmtui/engine/analysis/caption_layers.py",),
    ),
    Elsewhere(
        "tests/engine/nn/test_translation_model.py", "the parts of one model",
        tuple(
            f"lstmtui/engine/nn/{name}.py"
            for name in ("encoder_decoder", "encoder_head", "linear", "translation_decoder", "translation_encoder")
        ),
    ),
    Elsewhere(
        "tests/engine/nn/test_caption_model.py", "the encoder of one model", ("lstmtui/engine/nn/picture_encoder.py",),
    ),
    Elsewhere(
        "tests/engine/nn/test_translation_buckets.py", "models of one kind by shape",
        ("lstmtui/engine/nn/encoder_decoder_buckets.py",),
    ),
    Elsewhere(
        "tests/engine/inference/test_beam_search.py", "the model that beam search drives",
        tuple(
            f"lstmtui/engine/nn/{name}.py"
            for name in ("incremental_decoder", "incremental_translation", "step_attention")
        ),
    ),
    Elsewhere(
        "tests/engine/benchmark/test_forecast.py", "part of a forecast", ("lstmtui/engine/nn/memory_size.py",),
    ),
    Elsewhere(
        "tests/engine/autocomplete/test_operations.py", "every operation builds a completer",
        ("lstmtui/engine/autocomplete/build.py",),
    ),
    Elsewhere(
        "tests/engine/autocomplete/test_search.py", "the parts of one search",
        (
            *(
                f"lstmtui/engine/autocomplete/{name}.py"
                for name in ("continuations", "query", "stepper", "token_probabilities", "variants", "word_search")
            ),
            "lstmtui/engine/inference/token_index.py",
        ),
    ),
    Elsewhere(
        "tests/engine/autocomplete/test_ngram_mixture.py", "sources are tested by what they add to a mixture",
        ("lstmtui/engine/autocomplete/ngram_sources.py",),
    ),
    # --- data and runs ---
    Elsewhere(
        "tests/data/containers/test_extraction.py", "each kind of container is recognised",
        ("lstmtui/data/containers/kinds.py",),
    ),
    Elsewhere("tests/data/tokens/test_tokens.py", "every kind by parameter", ("lstmtui/data/tokens/*.py",)),
    # --- commands ---
    Elsewhere(
        "tests/cli/test_main.py", "seen by every command",
        (
            "lstmtui/__init__.py",
            *(f"lstmtui/cli/{name}.py" for name in ("__init__", "output", "screens")),
        ),
    ),
    Elsewhere(
        "tests/cli/test_help.py", "help prints them", ("lstmtui/cli/commands.py", "lstmtui/cli/screen_options.py")
    ),
    Elsewhere("tests/cli/test_train.py", "how a command follows training", ("lstmtui/cli/follow.py",)),
    Elsewhere("tests/cli/test_translate.py", "options of the command", ("lstmtui/cli/beam_options.py",)),
    Elsewhere("tests/cli/test_bench.py", "seen through the command", ("lstmtui/client/benchmark.py",)),
    Elsewhere(
        "tests/cli/test_info.py", "both ends of the process that the command starts",
        ("lstmtui/client/info.py", "lstmtui/engine/services/info.py"),
    ),
    Elsewhere(
        "tests/client/test_exchange.py", "both ends of the processes",
        ("lstmtui/engine/services/export.py", "lstmtui/engine/services/import_model.py"),
    ),
    Elsewhere(
        "tests/exchange/test_model_folder.py", "files of such a folder",
        ("lstmtui/exchange/exported_model.py", "lstmtui/exchange/model_card.py", "lstmtui/exchange/plain_module.py"),
    ),
    Elsewhere(
        "tests/exchange/test_sequence_folder.py", "files of such a folder, and what its scripts write",
        tuple(
            f"lstmtui/exchange/{name}.py"
            for name in (
                "exported_sequence", "plain_captioner", "plain_transcriber", "plain_translator", "sequence_readme",
            )
        ),
    ),
    Elsewhere(
        "tests/exchange/test_onnx_graph.py", "layers of every cell, seen in what a graph computes",
        ("lstmtui/exchange/onnx_layers.py",),
    ),
    Elsewhere("tests/cli/test_plan.py", "seen through the command", ("lstmtui/client/forecast.py",)),
    Elsewhere("tests/client/test_process.py", "seen in questions and answers", ("lstmtui/protocol.py",)),
    Elsewhere(
        "tests/engine/services/test_unit_inspector.py", "what is read, seen in answers",
        ("lstmtui/engine/services/language_reader.py", "lstmtui/engine/services/reading.py"),
    ),
    Elsewhere(
        "tests/engine/analysis/test_translation_flow.py", "layers by name",
        ("lstmtui/engine/analysis/translation_layers.py",),
    ),
    Elsewhere(
        "tests/engine/services/test_translation_reader.py", "sizes of a reader, seen in answers",
        ("lstmtui/engine/services/encoder_decoder_reader.py",),
    ),
    Elsewhere("tests/engine/services/test_daemon.py", "both ends of one socket", ("lstmtui/client/daemon.py",)),
    # --- the endpoint ---
    Elsewhere(
        "tests/serving/test_app.py", "a server that answers over HTTP",
        tuple(f"lstmtui/serving/{name}.py" for name in ("api_errors", "server", "text_completion")),
    ),
    Elsewhere("tests/serving/test_guard.py", "hostile clients", ("lstmtui/serving/connections.py",)),
    # --- screens ---
    Elsewhere(
        "tests/tui/test_snapshots.py", "drawing: stored pictures of every screen show it",
        (
            "lstmtui/tui/compare_runs.py",
            "lstmtui/tui/theme.py",
            *(
                f"lstmtui/tui/widgets/{name}.py"
                for name in (
                    "bars", "candidates", "confidence", "line_chart", "panels", "status_line",
                    "token_map",
                )
            ),
        ),
    ),
    Elsewhere(
        "tests/tui/test_run.py", "the application as a process",
        tuple(f"lstmtui/tui/{name}.py" for name in ("__init__", "app", "services")),
    ),
    Elsewhere(
        "tests/tui/screens/test_new_run.py", "parts of the form",
        tuple(f"lstmtui/tui/{name}.py" for name in ("screens/corpus", "screens/text_input", "widgets/fields")),
    ),
    Elsewhere(
        "tests/tui/test_hostile.py", "widgets and dialogs that show any text",
        ("lstmtui/tui/messages.py", "lstmtui/tui/screens/confirm.py"),
    ),
    Elsewhere(
        "tests/tui/screens/test_live.py", "parts of the screen",
        ("lstmtui/tui/screens/charted.py", "lstmtui/tui/widgets/observations.py"),
    ),
    Elsewhere("tests/tui/test_keys.py", "shows the keys", ("lstmtui/tui/widgets/key_bar.py",)),
    Elsewhere("tests/tui/screens/test_arranged.py", "borders that move", ("lstmtui/tui/widgets/split.py",)),
    Elsewhere(
        "tests/tui/screens/test_runs.py", "parts of the screen",
        (
            "lstmtui/tui/screens/starting.py",
            *(f"lstmtui/tui/widgets/{name}.py" for name in ("first_steps", "run_preview", "run_table")),
        ),
    ),
    Elsewhere(
        "tests/tui/screens/test_caption.py", "parts of the screen",
        ("lstmtui/tui/widgets/caption_list.py", "lstmtui/tui/workers/captioning.py"),
    ),
    Elsewhere("tests/tui/screens/test_transcribe.py", "completes names there", ("lstmtui/tui/widgets/path_line.py",)),
    Elsewhere(
        "tests/tui/screens/test_type.py", "parts of the screen",
        tuple(f"lstmtui/tui/{name}.py" for name in ("screens/save_text", "workers/completion", "workers/model_thread")),
    ),
    Elsewhere(
        "tests/tui/screens/test_translate.py", "parts of the screen, and the way to it",
        (
            "lstmtui/tui/screens/typing_screen.py",
            "lstmtui/tui/screens/model_screen.py",
            "lstmtui/tui/widgets/target_area.py",
            "lstmtui/tui/widgets/translations.py",
            "lstmtui/tui/workers/translation.py",
        ),
    ),
    Elsewhere(
        "tests/tui/screens/test_steer.py", "answers to what the screen asks",
        tuple(f"lstmtui/tui/{name}.py" for name in ("screens/fork", "screens/sample", "workers/pending_requests")),
    ),
    Elsewhere(
        "tests/tui/textual_patches/test_text_area.py", "the text of an area",
        ("lstmtui/tui/textual_patches/text_document.py",),
    ),
    Elsewhere(
        "tests/tui/textual_patches/test_input.py", "seen by typing them",
        ("lstmtui/tui/textual_patches/invisible_characters.py",),
    ),
    Elsewhere("tests/tui/screens/test_inspect.py", "the answers that it shows", ("lstmtui/tui/inspected_text.py",)),
    Elsewhere("tests/tui/widgets/test_lines.py", "the axes of its frame", ("lstmtui/tui/widgets/axes.py",)),
    Elsewhere("tests/tui/screens/test_base.py", "what screens share", ("lstmtui/tui/screens/polling.py",)),
    Elsewhere("tests/tui/widgets/test_gate_map.py", "the gates' drawings",
        ("lstmtui/tui/widgets/gate_views.py", "lstmtui/tui/widgets/gate_history.py"),
    ),
    Elsewhere(
        "tests/tui/widgets/test_coded_text.py", "one scale of shades",
        ("lstmtui/tui/widgets/half_lives.py", "lstmtui/tui/widgets/shades.py"),
    ),
)  # fmt: skip

SPANS_MODULES = {
    "tests/cli/test_empty_paths.py": "every path option of every command",
    "tests/cli/test_for_real.py": "commands over the real engine",
    "tests/engine/autocomplete/test_scripts_without_spaces.py": "autocomplete on scripts without spaces",
    "tests/engine/cuda/*.py": "the engine on a GPU or its simulator, which a process has from its start or not",
    "tests/engine/test_compiling.py": "what an engine compiles, and when",
    "tests/engine/test_crash_points.py": "a run killed or refused at each system call",
    "tests/engine/test_hostile_checkpoints.py": "damaged checkpoints through the whole engine",
    "tests/engine/test_new_cell.py": "a cell that only the tests know, from the kernels to the screens",
    "tests/engine/test_older_runs.py": "run folders of the first version",
    "tests/kernels/test_onnx.py": "kernels against ONNX Runtime",
    "tests/kernels/test_other_tiles.py": "kernels with the tiles of other processors",
    "tests/kernels/test_torch.py": "kernels against recorded outputs and gradients of PyTorch",
    "tests/kernels/test_uncompiled.py": "kernels as Python, without Numba's compiler",
    "tests/runs/test_hostile_runs.py": "damaged run folders and all that shows them",
    "tests/test_cuda_simulated.py": "everything for a GPU, on the simulator",
    "tests/test_imports.py": "what commands and screens import",
    "tests/test_mirror.py": "the tests themselves",
    "tests/test_sizes.py": "sizes of modules and argument lists, everywhere",
    "tests/tui/test_bad_runs.py": "damaged run folders on every screen",
    "tests/tui/test_contrast.py": "the colours of themes, and of every stored screen",
    "tests/tui/test_monkey.py": "random keys on every screen",
    "tests/tui/test_styles.py": "style sheets of all screens, in any order of opening",
    "tests/tui/textual_patches/test_versions.py": "what all patches of Textual have in common",
}
"""A file of tests that is not named above, or a pattern of such files: what it tests across modules."""


def expected_test(module: str) -> str:
    """Return the path of the tests that a module should have."""
    source, tests = next(pair for pair in MIRRORS.items() if module.startswith(f"{pair[0]}/"))
    path = Path(tests, module.removeprefix(f"{source}/"))
    name = {"__init__": path.parent.name, "__main__": "main"}.get(path.stem, path.stem)
    return str(path.with_name(f"test_{name}.py"))


def defines_something(path: Path) -> bool:
    """Return whether a module holds functions or classes, so that there is something to test."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return any(isinstance(node, kinds) for node in ast.parse(path.read_text(encoding="utf-8")).body)


def all_modules() -> list[str]:
    """Return the modules that should have tests, as paths from the root."""
    found = [path for source in MIRRORS for path in sorted((ROOT / source).rglob("*.py"))]
    return [str(path.relative_to(ROOT)) for path in found if path.name != "__init__.py" or defines_something(path)]


def all_tests() -> list[str]:
    """Return the files of tests, as paths from the root."""
    return [str(path.relative_to(ROOT)) for path in sorted((ROOT / "tests").rglob("test_*.py"))]


def untested() -> list[str]:
    """Return the modules without a file of tests of their own."""
    return [module for module in all_modules() if not (ROOT / expected_test(module)).exists()]


def without_module() -> list[str]:
    """Return the files of tests without a module of their name."""
    mirrored = {expected_test(module) for module in all_modules()}
    return [test for test in all_tests() if test not in mirrored]


def test_every_module_has_a_test_file_of_its_name():
    patterns = [pattern for line in TESTED_ELSEWHERE for pattern in line.modules]
    missing = [module for module in untested() if not any(fnmatch(module, pattern) for pattern in patterns)]
    advice = [f"{module}: write {expected_test(module)}" for module in missing]
    assert not missing, "\n".join([*advice, f"or add the module to TESTED_ELSEWHERE in {TABLES}, with the reason."])


def test_every_test_file_has_a_module_of_its_name():
    patterns = [*SPANS_MODULES, *(line.test for line in TESTED_ELSEWHERE)]
    missing = [test for test in without_module() if not any(fnmatch(test, pattern) for pattern in patterns)]
    advice = [f"{test}: rename it after the module that it tests (git mv)" for test in missing]
    assert not missing, "\n".join([*advice, f"or add the file to SPANS_MODULES in {TABLES}, with what it tests."])


def test_every_line_of_the_tables_is_needed():
    unneeded = [
        f"{pattern}: no such module lacks tests of its own; remove it from TESTED_ELSEWHERE in {TABLES}"
        for line in TESTED_ELSEWHERE
        for pattern in line.modules
        if not any(fnmatch(module, pattern) for module in untested())
    ]
    unneeded += [
        f"{line.test}: no such file; correct its line in TESTED_ELSEWHERE in {TABLES}"
        for line in TESTED_ELSEWHERE
        if not (ROOT / line.test).exists()
    ]
    unneeded += [
        f"{pattern}: no such file, or a module has its name; remove it from SPANS_MODULES in {TABLES}"
        for pattern in SPANS_MODULES
        if not any(fnmatch(test, pattern) for test in without_module())
    ]
    assert not unneeded, "\n".join(unneeded)
