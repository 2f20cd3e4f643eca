"""One file of two branches: merged again as git does, after what a command sets itself was taken out of the way."""

import ast
import difflib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from typed_sessions.editing.edit import has_conflict_markers, parsed
from typed_sessions.editing.model_file import with_version
from typed_sessions.editing.written_steps import classes, step_names, without_step
from typed_sessions.project.git import said

_MARKS = ("<<<<<<<", "|||||||", "=======", ">>>>>>>")


@dataclass(frozen=True, slots=True)
class Three:
    """The texts of a file, with line feeds: where two sides parted, and at their ends. None: not there."""

    base: str | None
    mine: str | None
    theirs: str | None

    def merged(self, *, joins: bool = False) -> str | None:
        """Theirs with what mine changed, but with their version numbers, and where both have a step of a name, theirs.

        None if that is for a person to decide. `joins`: lines that both added at one place follow each other.

        Raises:
            EditError: one of them is no Python.
        """
        if self.mine is None or self.theirs is None:
            return self.mine if self.theirs is None else self.theirs
        mine = _aligned(_without_new_steps(self.mine, self.base, self.theirs), self.theirs)
        base = _common(mine, self.theirs) if self.base is None else _aligned(self.base, self.theirs)
        is_joined = joins and _only_adds(base, mine) and _only_adds(base, self.theirs)
        return _merged(base, mine, self.theirs, *(["--union"] if is_joined else []))

    def is_touched(self, text: str) -> bool:
        """Whether a text with marks of a conflict has lines that no side has, so that a person is at it."""
        sides = (self.base, self.mine, self.theirs)
        known = {line.rstrip() for side in sides if side for line in side.splitlines()}
        return any(line.rstrip() not in known for line in text.splitlines() if not line.startswith(_MARKS))

    def is_one_side(self, text: str) -> bool:
        """Whether a text is what one side has, or has marks of a conflict, rather than made of both by a person."""
        return has_conflict_markers(text) or text in (self.mine, self.theirs)


def conflict_lines(text: str) -> str:
    """Where the conflicts of a file begin, for people."""
    lines = [str(number) for number, line in enumerate(text.splitlines(), 1) if line.startswith("<<<<<<< ")]
    return f"line {lines[0]}" if len(lines) == 1 else f"lines {', '.join(lines)}"


def _without_new_steps(mine: str, base: str | None, theirs: str) -> str:
    """Mine without the steps that the base lacks and for which theirs has one of the same name."""
    before, there = step_names(base or ""), step_names(theirs)
    for class_name, names in step_names(mine).items():
        taken = names & there.get(class_name, frozenset()) - before.get(class_name, frozenset())
        for name in sorted(taken):
            mine = without_step(mine, class_name, name)
    return mine


def _aligned(text: str, theirs: str) -> str:
    """The text with the version numbers of theirs: which ones they shall be is decided later."""
    versions = _versions(theirs)
    for class_name in sorted(_versions(text).keys() & versions.keys()):
        text = with_version(text, class_name, versions[class_name])
    return text


def _versions(text: str) -> Mapping[str, int]:
    """The version in the `session_config` of each class, as far as it is written as a number."""
    found = {name: _version(node) for name, node in classes(parsed(text).tree.body).items()}
    return {name: version for name, version in found.items() if version is not None}


def _version(node: ast.ClassDef) -> int | None:
    for statement in node.body:
        match statement:
            case (
                ast.Assign(targets=[ast.Name("session_config")], value=ast.Call(keywords=keywords))
                | ast.AnnAssign(target=ast.Name("session_config"), value=ast.Call(keywords=keywords))
            ):
                values = (keyword.value for keyword in keywords if keyword.arg == "version")
                return next((v.value for v in values if isinstance(v, ast.Constant) and type(v.value) is int), None)
            case _:
                continue
    return None


def _common(left: str, right: str) -> str:
    """What two files that came to be on both sides have in common, in place of the file that they parted from."""
    one, other = left.splitlines(keepends=True), right.splitlines(keepends=True)
    blocks = difflib.SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks()
    return "".join(line for block in blocks for line in one[block.a : block.a + block.size])


def _only_adds(base: str, side: str) -> bool:
    """Whether a side has all lines of the base in their order."""
    lines = iter(side.splitlines())
    return all(line in lines for line in base.splitlines())


def _merged(base: str, mine: str, theirs: str, *options: str) -> str | None:
    """What git makes of them; None if there are conflicts."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for side, text in (("mine", mine), ("base", base), ("theirs", theirs)):
            (folder / side).write_text(text, encoding="utf-8", newline="")
        return said("merge-file", "--stdout", *options, "theirs", "base", "mine", folder=folder)
