"""Check the links of the built site, without the network: files and anchors are there, nothing comes from elsewhere.

Usage: python docs/check_links.py build/docs
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

#: Attributes with which a page loads a resource, which must be part of the site.
LOADED = {("script", "src"), ("img", "src"), ("link", "href"), ("iframe", "src"), ("source", "src")}


class Page(HTMLParser):
    """The anchors of a page, and what it links to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[tuple[str, bool]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of an element."""
        for name, value in attrs:
            if value and name in ("id", "name"):
                self.anchors.add(value)
            elif value and name in ("href", "src"):
                self.links.append((value, (tag, name) in LOADED))


def problems(root: Path) -> list[str]:
    """Return a line for each link that leads nowhere, and for each thing that is loaded from another site."""
    paths = sorted(set(root.rglob("*.html")) - set(root.glob("_static/**/*")))  # files of themes are templates
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in paths}
    found = []
    for path, page in pages.items():
        for link, is_loaded in page.links:
            problem = problem_of(link, is_loaded, path, pages)
            if problem:
                found.append(f"{path.relative_to(root)}: {link}: {problem}")
    return found


def problem_of(link: str, is_loaded: bool, path: Path, pages: dict[Path, Page]) -> str | None:
    """Return what is wrong with a link on the page at `path`."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return "loaded from another site" if is_loaded and parts.scheme != "data" else None
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if target.is_dir():
        target /= "index.html"
    if not target.exists():
        return "no such file"
    if parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
        return "no such anchor"
    return None


def main() -> None:
    """Print the problems, and fail if there are any."""
    root = Path(sys.argv[1]).resolve()
    found = problems(root)
    print("\n".join(found) or f"All links of {len(list(root.rglob('*.html')))} pages lead somewhere.")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
