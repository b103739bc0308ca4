"""Measure everything, and write docs/performance.md, its figures and docs/design/goals.md: `make bench`.

    python -m benchmarks.speed [part ...] [--quick] [--redraw]

Named parts are measured again, the others are taken from the last run on this kind of processor. Kinds have the names
of OpenBLAS's kernels: results/haswell.json is for AVX2, results/skylakex.json for AVX-512, and the page compares them.
With --quick, few shapes and rounds are run, and the results are written to build/bench/. With --redraw, nothing is
measured. On a processor with AVX-512, OPENBLAS_CORETYPE=Haswell NPY_DISABLE_CPU_FEATURES=X86_V4
ATEN_CPU_CAPABILITY=avx2 XLA_FLAGS=--xla_cpu_max_isa=AVX2 emulates one without.
"""

import argparse
import json
import os
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from threadpoolctl import ThreadpoolController

from benchmarks.speed import figures, growth, page, searches, startup, steps, two_cores
from benchmarks.speed.rounds import ROOT
from skrnn.cells._compiled import why_not_compiled

PARTS = {
    "startup": startup.measure,
    "two_cores": two_cores.measure,
    "growth": growth.measure,
    "searches": searches.measure,
    "steps": steps.measure,
}
RESULTS = ROOT / "benchmarks" / "speed" / "results"
DOCS = ROOT / "docs"
QUICK = ROOT / "build" / "bench"


def describe_machine() -> str:
    """Return processor and versions."""
    libraries = ["numpy", "scipy", "scikit-learn", "torch", "jax", "skorch"]
    libraries += [] if why_not_compiled() else ["numba"]
    versions = ", ".join(f"{name} {version(name)}" for name in libraries)
    python = f"Python {platform.python_version()}"
    return f"{os.cpu_count()} cores, {_processor()}, OpenBLAS for {kernels()}, {python}, {versions}"


def kernels() -> str:
    """Return the kind of processor for which OpenBLAS has chosen its kernels, such as Haswell or SkylakeX."""
    libraries = ThreadpoolController().select(internal_api="openblas").info()
    return libraries[0]["architecture"] if libraries else "other"


def _processor() -> str:
    """Return the name of the processor, if available."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def shortened(value: Any) -> Any:
    """Return results with floats rounded to four digits."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {key: shortened(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [shortened(item) for item in value]
    return value


def save(results: dict[str, Any], path: Path) -> None:
    """Write the results, one line per item of a list, so that a change of one is a change of one line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    parts = []
    for name, part in results.items():
        lines = [json.dumps(item) for item in part] if isinstance(part, list) else None
        text = "[\n" + ",\n".join(lines) + "\n]" if lines is not None else json.dumps(part)
        parts.append(f"{json.dumps(name)}: {text}")
    path.write_text("{\n" + ",\n".join(parts) + "\n}\n")


def main() -> None:
    """Measure, save, draw and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="what to measure; all, if nothing is named")
    parser.add_argument("--quick", action="store_true", help="a trial, written to build/bench/")
    parser.add_argument("--redraw", action="store_true", help="measure nothing: write the page from the last results")
    options = parser.parse_args()
    folder, docs = (QUICK, QUICK) if options.quick else (RESULTS, DOCS)
    path = folder / f"{kernels().lower()}.json"
    results = json.loads(path.read_text()) if path.exists() else {}
    if not options.redraw:
        for name in options.parts or PARTS:
            start = time.perf_counter()
            results[name] = shortened(PARTS[name](quick=options.quick))
            results |= {"machine": describe_machine(), "kernels": kernels()}
            save(results, path)  # keep the results even if the next part fails
            print(f"{name} took {time.perf_counter() - start:.0f} s", flush=True)
    figures.draw(results, docs / "images")
    of_others = [json.loads(other.read_text()) for other in sorted(folder.glob("*.json")) if other != path]
    (docs / "performance.md").write_text(page.write(results, of_others))
    (docs / "design").mkdir(exist_ok=True)
    (docs / "design" / "goals.md").write_text(page.goals(results))
    print(f"Written: {docs / 'performance.md'} and {docs / 'design' / 'goals.md'}")


if __name__ == "__main__":
    main()
