"""The programs of the README: they run without a warning, and print what their comments say."""

import re
from pathlib import Path

import pytest

TEXT = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


@pytest.mark.thorough
def test_the_programs_print_what_their_comments_say(capsys):
    program = "\n".join(re.findall(r"^```python\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE))
    stated = re.findall(r"^print\(.*\)  # (.*)$", program, re.MULTILINE)
    exec(program, {})
    assert len(stated) == 3
    assert capsys.readouterr().out.splitlines() == stated


def test_it_is_short():
    assert len(TEXT.splitlines()) <= 120
