"""The steps of two branches in one class: theirs under their names, and mine taken out to be renumbered."""

from dataclasses import dataclass

from typed_sessions.editing.edit import EditError
from typed_sessions.editing.history_file import WrittenStep, steps, with_step
from typed_sessions.editing.written_steps import is_same_step, steps_named, without_written
from typed_sessions.revising.branches.three_way import Three


@dataclass(frozen=True, slots=True)
class Merged:
    """A history file with the steps of theirs, and the text of the step of mine; None if there was none."""

    text: str
    own: str | None


def merged_steps(text: str, class_name: str, three: Three, version: int) -> Merged:
    """Put the steps of theirs into a history file, and take out the one that leads to `version` of mine.

    Raises:
        EditError: there are two that may be mine.
    """
    name = f"v{version - 1}_to_v{version}"
    theirs, mine = _steps_of(three.theirs, class_name), _steps_of(three.mine, class_name)
    other = next((step.text for step in theirs if step.name == name), None)
    there = steps_named(text, class_name, name)
    own = [step for step in there if other is None or not is_same_step(step.text, other)]
    before = next((step.text for step in mine if step.name == name), None)
    if len(own) > 1:
        same = [step for step in own if before is not None and is_same_step(step.text, before)]
        own = same[:1]
    if len(there) > 1 and not own:
        lines = " and ".join(str(step.line) for step in there)
        raise EditError(f"line {there[0].line}: {name} stands on lines {lines}, and neither is as a branch has it; "
                        f"name yours as it shall be, or take it out")  # fmt: skip
    for step in own:
        text = without_written(text, class_name, step)
    for step in theirs:
        text = with_step(text, class_name, step.text)
    taken = own[0].text if own else before
    is_other = taken is not None and other is not None and is_same_step(taken, other)
    return Merged(text, None if is_other else taken)


def _steps_of(text: str | None, class_name: str) -> tuple[WrittenStep, ...]:
    try:
        return steps(text, class_name) if text else ()
    except EditError:
        return ()
