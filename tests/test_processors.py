"""Tests of `python -m tests.processors`, which runs the tests as other processors would."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from threadpoolctl import threadpool_info

from tests.processors import PROCESSORS, of_numpy

ROOT = Path(__file__).parents[1]
#: The condition of a test, and what the run ends in.
FAILS_ON_NEHALEM = ("os.environ['OPENBLAS_CORETYPE'] != 'Nehalem'", 1)
NAMES = [processor.name for processor in PROCESSORS]
#: What NumPy has code for, beyond its baseline, where a processor has AVX-512.
OF_NUMPY_2_4 = ["X86_V3", "X86_V4", "AVX512_ICL", "AVX512_SPR"]
OF_NUMPY_1_24 = [
    *("SSSE3", "SSE41", "POPCNT", "SSE42"),
    *("AVX", "F16C", "FMA3", "AVX2"),
    *("AVX512F", "AVX512CD", "AVX512_SKX", "AVX512_ICL"),
]


@pytest.mark.parametrize(
    ("name", "of_1_24", "of_2_4"),
    [
        ("Nehalem", OF_NUMPY_1_24[4:], OF_NUMPY_2_4),
        ("Sandybridge", OF_NUMPY_1_24[5:], OF_NUMPY_2_4),
        ("Haswell", OF_NUMPY_1_24[8:], OF_NUMPY_2_4[1:]),
        ("SkylakeX", OF_NUMPY_1_24[11:], OF_NUMPY_2_4[2:]),
    ],
)
def test_numpy_is_kept_from_what_the_processor_lacks(name, of_1_24, of_2_4):
    environment = PROCESSORS[NAMES.index(name)].environment
    for present, disabled in ((OF_NUMPY_1_24, of_1_24), (OF_NUMPY_2_4, of_2_4), ([], [])):
        assert environment(present)["NPY_DISABLE_CPU_FEATURES"].split() == disabled
        assert environment(present)["OPENBLAS_CORETYPE"] == name


def test_glibc_is_kept_from_what_the_processor_lacks():
    found = {processor.name: processor.environment([])["GLIBC_TUNABLES"] for processor in PROCESSORS}
    assert found["Nehalem"] == found["Sandybridge"] == "glibc.cpu.hwcaps=-AVX512F,-AVX2,-FMA,-FMA4"
    assert found["Haswell"] == "glibc.cpu.hwcaps=-AVX512F"


@pytest.mark.skipif(not of_numpy("__cpu_features__").get("SSE42"), reason="not an x86 processor")
@pytest.mark.skipif(
    {"openblas"} != {library["internal_api"] for library in threadpool_info() if library["user_api"] == "blas"},
    reason="another BLAS",
)
@pytest.mark.axis(("condition", "code"), [("True", 0), FAILS_ON_NEHALEM], quick=[FAILS_ON_NEHALEM])
@pytest.mark.thorough
def test_says_what_failed_on_which_processor(condition, code, tmp_path):
    path = tmp_path / "test_something.py"
    path.write_text(f"import os\n\n\ndef test_that_it_holds():\n    assert {condition}\n", encoding="utf-8")
    command = [sys.executable, "-m", "tests.processors", "--least", "-q", "-p", "no:cacheprovider", "-rf", str(path)]
    done = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (code, "")
    table = done.stdout.rpartition("\n\n")[2]
    assert table.startswith(f"Nehalem      1 {'failed' if code else 'passed'} in ")
    assert table.count("FAILED ") == table.count("test_something.py::test_that_it_holds") == code
