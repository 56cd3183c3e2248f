import os
import subprocess
import sys

from lstmtui.common.hardware import cpu_count, training_flops


def test_cpu_count_respects_affinity_and_cgroups():
    assert 1 <= cpu_count() <= (os.cpu_count() or 1)


def test_process_memory_grows_with_allocations():
    # A process of its own: one that has freed memory before may have room for the bytes and not grow.
    program = (
        "import os\n"
        "from lstmtui.common.hardware import process_memory_mb\n"
        "before = process_memory_mb()\n"
        "held = bytearray(os.urandom(1) * 80_000_000)\n"
        "print(process_memory_mb() - before)\n"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert float(answer.stdout) > 50


def test_training_flops_follow_the_flags_of_the_processor(tmp_path):
    def speed(flags, precision="auto", vendor="AuthenticAMD"):
        cpuinfo = tmp_path / "cpuinfo"
        cpuinfo.write_text(f"processor\t: 0\nvendor_id\t: {vendor}\nflags\t\t: {flags}\n")
        return training_flops(precision, cpuinfo=cpuinfo)

    assert speed("avx2 avx512f avx512_bf16") > speed("avx2 avx512f") > speed("avx2 fma") > 0
    assert speed("avx2 avx512f avx512_bf16", "float32") == speed("avx2 avx512f")
    assert speed("avx2 avx512f avx512_bf16", vendor="GenuineIntel") == speed("avx2 avx512f")
    assert training_flops(cpuinfo=tmp_path / "none") > 0
