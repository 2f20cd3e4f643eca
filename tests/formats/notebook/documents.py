"""Real notebooks of every version, and what their own library makes of them."""

import json
import warnings
from collections.abc import Iterator
from pathlib import Path

from nbformat import ValidationError, convert, reader, v3, v4
from nbformat.notebooknode import NotebookNode, from_dict
from nbformat.validator import iter_validate

from tests.formats.sample import Sample
from typed_sessions import JsonObject

FOLDER = Path(__file__).parent / "samples"
VERSIONS = {(3, 0): 1, (4, 0): 2, (4, 1): 2, (4, 2): 3, (4, 3): 4, (4, 4): 5, (4, 5): 6}
"""Of the session model, by the version of the format; 4.1 has the shape of 4.0."""
OLDEST_WITH_IDS = 6


def samples() -> Iterator[Sample]:
    """The valid notebooks, those of 3.0 that the library makes of newer and older ones, and 4.4 relabelled as 4.3."""
    for path, notebook in _notebooks():
        yield from _sample(path.name, notebook)
        if notebook["nbformat"] == 2:
            yield from _sample(
                f"{path.name} as 3", from_dict(json.loads(v3.writes_json(convert(notebook, 3), split_lines=False)))
            )
        if notebook.get("nbformat_minor") == 4:  # minor versions only add, and nobody kept one of 4.3
            yield from _sample(f"{path.name} as 4.3", from_dict({**_plain(notebook), "nbformat_minor": 3}))
        if notebook["nbformat"] == 4:
            with warnings.catch_warnings(action="ignore"):  # two of its cells have one id, which it mends
                older = v4.downgrade(from_dict(_plain(notebook)))
            yield from _sample(f"{path.name} as 3", older)


def invalid() -> Iterator[Sample]:
    """The notebooks that the library calls invalid."""
    for path, notebook in _notebooks():
        version = _version(notebook)
        if version is not None and not _is_valid(notebook):
            yield Sample(path.name, version, _plain(notebook))


def upgraded(sample: Sample) -> JsonObject:
    """What the library's own upgrade makes of it. Ids, which are random there, are those of the places."""
    notebook = _plain(v4.upgrade(from_dict(_plain(sample.data))))
    if sample.version < OLDEST_WITH_IDS:
        for place, cell in enumerate(notebook["cells"]):
            cell["id"] = f"cell-{place}"
    return notebook


def _notebooks() -> Iterator[tuple[Path, NotebookNode]]:
    """As the library reads them, which joins the lines of a text. It refuses some."""
    for path in sorted(FOLDER.glob("*.ipynb.json")):
        try:
            yield path, reader.reads(path.read_text("utf-8"))
        except ValidationError:
            continue


def _sample(name: str, notebook: NotebookNode) -> Iterator[Sample]:
    version = _version(notebook)
    if version is not None and _is_valid(notebook):
        yield Sample(name, version, _plain(notebook))


def _version(notebook: NotebookNode) -> int | None:
    return VERSIONS.get((notebook["nbformat"], notebook.get("nbformat_minor", -1)))


def _is_valid(notebook: NotebookNode) -> bool:
    return not any(iter_validate(notebook))


def _plain(notebook: JsonObject) -> JsonObject:
    plain: JsonObject = json.loads(json.dumps(notebook))
    return plain
