"""Check style sheets: what browsers pass over in silence, and what a block pasted into the wrong place leaves behind.

Usage: python docs/check_styles.py docs/_static
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tinycss2
from tinycss2.ast import AtRule, Comment, Declaration, ParseError, QualifiedRule


def problems(css: str) -> list[str]:
    """Return a line for each thing that is wrong in a style sheet, with its number there."""
    return [f"{line}: {problem}" for line, problem in sorted(_problems_of(tinycss2.parse_stylesheet(css)))]


def _problems_of(rules: list[Any]) -> Iterator[tuple[int, str]]:
    """Yield line and problem of rules of one context: the sheet, or an at-rule such as @media."""
    seen: dict[tuple[str, str], int] = {}
    for rule in rules:
        if isinstance(rule, ParseError):
            yield rule.source_line, rule.message
        elif isinstance(rule, AtRule) and rule.content is not None:
            yield from _problems_of(tinycss2.parse_blocks_contents(rule.content))
        elif isinstance(rule, QualifiedRule):
            yield from _problems_of_rule(rule, seen)


def _problems_of_rule(rule: QualifiedRule, seen: dict[tuple[str, str], int]) -> Iterator[tuple[int, str]]:
    """Yield line and problem of a rule; `seen` has the line of each property that rules before it set, by selector."""
    if any(isinstance(token, Comment) for token in rule.prelude):
        yield rule.source_line, "a comment within a selector"
    selectors = _selectors(rule.prelude)
    if "" in selectors:
        yield rule.source_line, "an empty selector"
    declarations = tinycss2.parse_blocks_contents(rule.content, skip_comments=True, skip_whitespace=True)
    if not declarations:
        yield rule.source_line, "a rule without declarations"
    for declaration in declarations:
        line = declaration.source_line
        if isinstance(declaration, ParseError):
            yield line, declaration.message
        elif not isinstance(declaration, Declaration):
            yield line, "a rule within a rule"
        else:
            for selector in selectors:
                key = (selector, declaration.lower_name)
                if key in seen:
                    yield line, f"{declaration.name} of {selector} is also set in line {seen[key]}"
                seen[key] = line


def _selectors(prelude: list[Any]) -> list[str]:
    """Return the selectors of a list, with single spaces and without comments."""
    selectors = [""]
    for token in prelude:
        if token == ",":
            selectors.append("")
        elif not isinstance(token, Comment):
            selectors[-1] += token.serialize()
    return [" ".join(selector.split()) for selector in selectors]


def main() -> None:
    """Print the problems of the style sheets in the folders named, and fail if there are any."""
    paths = sorted(path for folder in sys.argv[1:] for path in Path(folder).rglob("*.css"))
    found = [f"{path}:{problem}" for path in paths for problem in problems(path.read_text(encoding="utf-8"))]
    print("\n".join(found) or f"All is well in {len(paths)} style sheets.")
    sys.exit(bool(found) or not paths)


if __name__ == "__main__":
    main()
