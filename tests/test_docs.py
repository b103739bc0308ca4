"""Tests of the documentation that need not build it: the reference is complete; checks of links and styles work."""

import importlib
import importlib.util
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"
PACKAGES = [
    "callbacks",
    "datasets",
    "ensemble",
    "export",
    "forecasting",
    "metrics",
    "model_selection",
    "plotting",
    "preprocessing",
]


def load(script):
    spec = importlib.util.spec_from_file_location(script, DOCS / f"{script}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def check_links():
    return load("check_links")


@pytest.fixture(scope="module")
def check_styles():
    pytest.importorskip("tinycss2")
    return load("check_styles")


def test_reference_lists_every_public_name():
    listed, module = set(), ""
    for line in (DOCS / "api.rst").read_text(encoding="utf-8").splitlines():
        if line.startswith(".. currentmodule:: "):
            module = line.split()[-1]
        elif line.startswith("   ") and not line.strip().startswith(":"):
            listed.add(getattr(importlib.import_module(module), line.strip()))
    for name in ("skrnn", *(f"skrnn.{package}" for package in PACKAGES)):
        package = importlib.import_module(name)
        assert {getattr(package, public) for public in package.__all__} <= listed, name


def test_every_page_of_the_guide_is_in_its_table_and_in_its_menu():
    text = (DOCS / "user_guide.md").read_text(encoding="utf-8")
    table, _, menu = text.partition("```{toctree}")
    pages = [line for line in menu.splitlines() if line.isidentifier()]
    assert len(pages) > 10
    assert [page for page in pages if f"]({page}.md)" not in table] == []


@pytest.mark.parametrize(
    ("page", "problem"),
    [
        ('<a href="other.html#there">', None),
        ('<a href="other.html">', None),
        ('<a href="#here"><p id="here">', None),
        ('<a href="https://example.org/x.html">', None),
        ('<a href="other.html#not-there">', "no such anchor"),
        ('<a href="#not-here">', "no such anchor"),
        ('<a href="missing.html">', "no such file"),
        ('<img src="missing.png">', "no such file"),
        ('<script src="https://example.org/x.js"></script>', "loaded from another site"),
    ],
)
def test_check_of_links(check_links, tmp_path, page, problem):
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    (tmp_path / "other.html").write_text('<h1 id="there">', encoding="utf-8")
    found = check_links.problems(tmp_path)
    assert [line.rpartition(": ")[2] for line in found] == ([] if problem is None else [problem])


PASTED = """.article, .sidebar, /* What an example prints. */
.output pre {
  border: 0;
}

.footer { overflow-wrap: break-word; }
.output pre {
  border: 0;
}
"""


@pytest.mark.parametrize(
    ("css", "expected"),
    [
        (".a, .b:is(.c, .d) { color: red; }\n/* why */\n.a { width: 1px }", []),
        (".a { color: red; }\n@media (max-width: 600px) {\n  /* why */\n  .a { color: blue; }\n}", []),
        (PASTED, ["1: a comment within a selector", "8: border of .output pre is also set in line 3"]),
        (".a { color: red; }\n.b,  .a { color: red; }", ["2: color of .a is also set in line 1"]),
        (".a { color: red; color: blue; }", ["1: color of .a is also set in line 1"]),
        (".a, { color: red; }", ["1: an empty selector"]),
        (".a, , .b { color: red; }", ["1: an empty selector"]),
        ("{ color: red; }", ["1: an empty selector"]),
        (".a { }", ["1: a rule without declarations"]),
        (".a {\n  color: red;\n  .b { color: red; }\n}", ["3: a rule within a rule"]),
        (".a {\n  color: red;\n.b { color: red; }", ["3: a rule within a rule"]),
        ("@media print {\n  .a, { color: red; }\n}", ["2: an empty selector"]),
    ],
)
def test_check_of_styles(check_styles, css, expected):
    assert check_styles.problems(css) == expected


@pytest.mark.parametrize("css", [".a { color red; }", ".a { color: red; } }", ".a"])
def test_check_of_styles_finds_what_cannot_be_read(check_styles, css):
    assert len(check_styles.problems(css)) == 1


def test_styles_of_the_site(check_styles):
    for path in (DOCS / "_static").glob("*.css"):
        assert check_styles.problems(path.read_text(encoding="utf-8")) == []
