"""The API reference leaves nothing out."""

import re

import typed_sessions
from tests.architecture import ROOT

PAGES = sorted((ROOT / "docs" / "reference").glob("*.md"))


def test_every_public_name_stands_in_the_reference() -> None:
    documented = {
        name
        for page in PAGES
        for name in re.findall(r"^\.\. (?:auto\w+|py:type):: (\w+)$", page.read_text(), re.MULTILINE)
    }

    assert set(typed_sessions.__all__) - documented == set()
