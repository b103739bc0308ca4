"""Pages of the source: where a Markdown page links to a file of the repository, the site shows that file.

On a code host, `[_layer.py](../skrnn/network/_layer.py)` opens the file. So it does here: links that leave the folder
of the documentation lead to pages made of the files as they are, and a link to a folder to the list of its files.
"""

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.addnodes import download_reference, pending_xref
from sphinx.application import Sphinx
from sphinx.util.osutil import relative_uri

LANGUAGES = {".py": "python", ".toml": "toml", ".md": "markdown", ".yml": "yaml"}
#: What the site has as a page of its own.
PAGES = {
    "CHANGELOG.md": "changelog",
    "CONTRIBUTING.md": "contributing",
    "README.md": "index",
    "examples": "gallery/index",
}


def setup(app: Sphinx) -> dict[str, Any]:
    """Register what makes the links and the pages."""
    app.connect("doctree-read", link_to_source, priority=400)  # before Sphinx collects the files to be downloaded
    app.connect("html-collect-pages", make_pages)
    app.connect("env-purge-doc", forget)
    app.connect("env-merge-info", merge)
    return {"parallel_read_safe": True, "parallel_write_safe": True, "env_version": 1}


def link_to_source(app: Sphinx, doctree: nodes.document) -> None:
    """Let links that leave the documentation lead to pages of the source."""
    docname = app.env.docname
    for node in [*doctree.findall(download_reference), *doctree.findall(pending_xref)]:
        name = outside_name(app, docname, node.get("reftarget", ""))
        if name is None:
            continue
        if name not in PAGES:
            sources(app).setdefault(docname, set()).add(name)
        page = app.builder.get_target_uri(PAGES.get(name, f"source/{name}"))
        uri = relative_uri(app.builder.get_target_uri(docname), page)
        node.replace_self(nodes.reference("", "", *node.children, refuri=uri, internal=True))


def outside_name(app: Sphinx, docname: str, target: str) -> str | None:
    """Return the path, from the root, of what a link leads to; None if that is not outside the documentation."""
    root, folder = Path(app.srcdir).parent, Path(app.env.doc2path(docname)).parent
    included = docname in PAGES.values()  # written for the root of the repository
    for path in [folder / target, root / target] if included else [folder / target]:
        for found in (path.resolve(), path.resolve().with_suffix(".md")):
            if target and found.exists() and found.is_relative_to(root) and not found.is_relative_to(app.srcdir):
                return found.relative_to(root).as_posix()
    return None


def make_pages(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield a page for each file and each folder that is linked to, and for each file of such a folder."""
    root = Path(app.srcdir).parent
    linked = {name for names in sources(app).values() for name in names}
    files = {file for name in linked for file in files_of(root / name)}
    for path in sorted(files | {root / name for name in linked}):
        name = path.relative_to(root).as_posix()
        body = listing(path) if path.is_dir() else highlighted(app, path)
        context = {"title": name, "body": f"<h1>{escape(name)}</h1>\n{body}", "parents": []}
        yield f"source/{name}", context, "page.html"


def files_of(path: Path) -> list[Path]:
    """Return the file, or the Python files of the folder."""
    return sorted(path.glob("*.py")) if path.is_dir() else [path]


def listing(folder: Path) -> str:
    """Return links to the files of a folder."""
    items = (
        f'<li><a href="{folder.name}/{file.name}.html"><code>{file.name}</code></a></li>' for file in files_of(folder)
    )
    return f"<ul>{''.join(items)}</ul>"


def highlighted(app: Sphinx, path: Path) -> str:
    """Return the file as highlighted HTML."""
    language = LANGUAGES.get(path.suffix, "text")
    text = path.read_text(encoding="utf-8")
    return app.builder.highlighter.highlight_block(text, language, linenos=False, location=str(path))


def sources(app: Sphinx) -> dict[str, set[str]]:
    """Return the files that each page links to. The environment keeps it between builds."""
    if not hasattr(app.env, "skrnn_sources"):
        app.env.skrnn_sources = {}
    return app.env.skrnn_sources


def forget(app: Sphinx, env: Any, docname: str) -> None:
    """Forget what a page that is read anew has linked to."""
    sources(app).pop(docname, None)


def merge(app: Sphinx, env: Any, docnames: Any, other: Any) -> None:
    """Take over what another process has read."""
    sources(app).update(getattr(other, "skrnn_sources", {}))
