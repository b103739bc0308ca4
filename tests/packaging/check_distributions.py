"""Check the files in dist/: `make test-wheel` runs this before the wheel is installed."""

import sys
import tarfile
from pathlib import Path
from zipfile import ZipFile

MOST_BYTES = 2_000_000
#: Files that the wheel must contain in addition to the modules.
DATA = {
    "skrnn/py.typed",
    "skrnn/_version.py",
    "skrnn/datasets/data/sunspots.csv",
    "skrnn/datasets/data/japanese_vowels.npz",
}


def only(pattern: str, folder: Path) -> Path:
    """Return the one file of that name."""
    found = list(folder.glob(pattern))
    assert len(found) == 1, f"{folder} has {len(found)} files {pattern}, expected one: run `make dist`"
    assert found[0].stat().st_size < MOST_BYTES, f"{found[0]} has {found[0].stat().st_size} bytes"
    return found[0]


def check_wheel(path: Path, modules: set[str]) -> None:
    """Raise unless the wheel holds the package, its metadata, and nothing else."""
    with ZipFile(path) as wheel:
        names = set(wheel.namelist())
    inside = {name for name in names if ".dist-info/" not in name}
    assert inside >= modules | DATA, f"{path} lacks {sorted((modules | DATA) - inside)}"
    assert all(name.startswith("skrnn/") for name in inside), f"{path} has more than skrnn: {sorted(inside)}"
    others = {name for name in inside - modules - DATA if not name.startswith("skrnn/datasets/data/")}
    assert not others, f"{path} has {sorted(others)}"
    assert any(name.endswith("licenses/LICENSE") for name in names)


def check_sdist(path: Path) -> None:
    """Raise unless the sdist can be tested and built."""
    with tarfile.open(path) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    expected = {"pyproject.toml", "README.md", "LICENSE", "PKG-INFO", "conftest.py", "tests/test_public.py", *DATA}
    assert names >= expected, f"{path} lacks {sorted(expected - names)}"
    assert not any(name.startswith((".", "benchmarks", "dist")) and name != ".gitignore" for name in names)


def main() -> None:
    """Check the sdist and the wheel in the folder that the command line names."""
    folder, root = Path(sys.argv[1]), Path(__file__).parents[2]
    modules = {path.relative_to(root).as_posix() for path in (root / "skrnn").rglob("*.py")}
    wheel, sdist = only("*.whl", folder), only("*.tar.gz", folder)
    check_wheel(wheel, modules)
    check_sdist(sdist)
    print(f"{wheel.name}: {wheel.stat().st_size / 1000:.0f} kB, {sdist.name}: {sdist.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
