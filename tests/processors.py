"""Run the tests as other x86 processors would: `python -m tests.processors [--least] [--only NAME] [pytest's own]`.

NumPy is kept from its newer instructions, the OpenBLAS of NumPy and SciPy takes the kernels of an older processor, and
so do the functions of the C library (glibc): sums are then added up in another order, and other last bits are rounded.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import final

import numpy as np

#: Prints what a process uses: the extensions of NumPy, then the kernels of each OpenBLAS.
_PROBE = """
import scipy.linalg, threadpoolctl
from tests.processors import extensions
print(*extensions())
print(*{blas["architecture"] for blas in threadpoolctl.threadpool_info() if blas["internal_api"] == "openblas"})
"""


@final
@dataclass(frozen=True)
class Processor:
    """A kind of processor.

    Attributes
    ----------
    name : str
        What OpenBLAS calls it.
    needs : str
        The extension without which a machine cannot emulate it.
    lacks : tuple of str
        How the names of extensions begin that it does not have: NumPy 2.4 counts in levels, of which X86_V3 has AVX2
        and X86_V4 AVX-512; versions before it name each extension.
    """

    name: str
    needs: str
    lacks: tuple[str, ...]

    def environment(self, present: Iterable[str]) -> dict[str, str]:
        """Return the variables that emulate it where these extensions are present."""
        of_glibc = [name for name in ("AVX512F", "AVX2", "FMA", "FMA4") if name.startswith(self.lacks)]
        return {
            "OPENBLAS_CORETYPE": self.name,
            "NPY_DISABLE_CPU_FEATURES": " ".join(name for name in present if name.startswith(self.lacks)),
            "GLIBC_TUNABLES": "glibc.cpu.hwcaps=" + ",".join(f"-{name}" for name in of_glibc),
        }


_NO_AVX512 = ("AVX512", "X86_V4")
_NO_AVX2 = ("AVX2", "FMA", "F16C", "X86_V3", *_NO_AVX512)
#: The least capable first.
PROCESSORS = [
    Processor("Nehalem", "SSE42", ("AVX", *_NO_AVX2)),
    Processor("Sandybridge", "AVX", _NO_AVX2),
    Processor("Haswell", "AVX2", _NO_AVX512),
    Processor("SkylakeX", "AVX512_SKX", ("AVX512_CLX", "AVX512_CNL", "AVX512_ICL", "AVX512_SPR")),
]


def _numpys(name: str) -> Mapping[str, bool] | list[str]:
    package = "numpy._core" if int(np.__version__.partition(".")[0]) >= 2 else "numpy.core"
    return getattr(import_module(f"{package}._multiarray_umath"), name)


def extensions() -> list[str]:
    """Return the extensions for which NumPy has code of its own, and which this process uses."""
    return [name for name in _numpys("__cpu_dispatch__") if _numpys("__cpu_features__")[name]]


def emulated(processor: Processor) -> dict[str, str]:
    """Return the environment of a process on that processor, and make sure that it is one."""
    disabled = os.environ.get("NPY_DISABLE_CPU_FEATURES", "").split()  # where this process is emulated itself
    environment = {**os.environ, **processor.environment([*extensions(), *disabled])}
    command = [sys.executable, "-W", "error", "-c", _PROBE]
    probe = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    expected = f"{' '.join(name for name in extensions() if not name.startswith(processor.lacks))}\n{processor.name}\n"
    if probe.stdout != expected:
        sys.exit(f"{processor.name} cannot be emulated here: {probe.stdout}{probe.stderr}")
    return environment


def run_tests(environment: dict[str, str], arguments: list[str]) -> tuple[int, list[str]]:
    """Let pytest run and print; return its exit code, and its lines about tests that failed, then the last of all."""
    lines = []
    command = [sys.executable, "-m", "pytest", *arguments]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            lines.append(line.rstrip("= \n"))
    return process.returncode, [line for line in lines if line.startswith(("FAILED ", "ERROR "))] + lines[-1:]


def main() -> None:
    """Run the tests on one processor after another, print what failed on which, and exit with one if anything did."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--least", action="store_true", help="the least capable processor alone")
    parser.add_argument("--only", choices=[processor.name for processor in PROCESSORS], help="this processor alone")
    options, arguments = parser.parse_known_args()
    found = {}
    for processor in PROCESSORS[:1] if options.least else PROCESSORS:
        if options.only not in (None, processor.name):
            continue
        if not _numpys("__cpu_features__").get(processor.needs):
            found[processor.name] = 0, [f"left out: this machine has no {processor.needs}"]
            continue
        print(f"\n{processor.name}", flush=True)
        found[processor.name] = run_tests(emulated(processor), arguments)
    print()
    for name, (_, (*failed, outcome)) in found.items():
        print(f"{name:12} {outcome.lstrip('= ')}", *failed, sep="\n" + " " * 13)
    sys.exit(any(code for code, _ in found.values()))


if __name__ == "__main__":
    main()
