"""What is printed of a history: how much of what was done, and of each finding the part of the notes that shows it."""

from collections import Counter
from collections.abc import Iterable, Iterator

from pydantic_core import to_json

from tests.histories.checker import Finding
from tests.histories.history import History
from tests.histories.notes import AnyNote, Called, Ended

WIDTH = 240
KILLED = "cut off"


def outcomes(history: History) -> Counter[tuple[str, str]]:
    """How often each kind of operation ended how."""
    return Counter((called.kind, _outcome(history, name)) for name, called in history.called.items())


def _outcome(history: History, name: str) -> str:
    ended = history.ended.get(name)
    return KILLED if ended is None else f"{ended.outcome} {ended.error.partition(':')[0]}".strip()


def summary(history: History) -> Iterator[str]:
    """Operations by kind and outcome, and what was observed. One cut off was cancelled, or its process killed."""
    counted = outcomes(history)
    for kind in sorted({kind for kind, _ in counted}):
        ends = ", ".join(f"{number} {end}" for (of, end), number in counted.most_common() if of == kind)
        yield f"  {kind:<10} {ends}"
    tokens = Counter(token.outcome for token in history.tokens)
    yield f"  tokens     {', '.join(f'{number} {outcome}' for outcome, number in tokens.most_common())}"
    yield f"  states     {len(history.seen)} seen, of {len({seen.born for seen in history.seen})} sessions"


def first_of_each(findings: Iterable[Finding]) -> list[Finding]:
    """One finding for each rule and key: the others are mostly its consequences."""
    firsts: dict[tuple[str, str], Finding] = {}
    for finding in findings:
        firsts.setdefault((finding.rule, finding.key), finding)
    return list(firsts.values())


def excerpt(finding: Finding, notes: Iterable[AnyNote]) -> Iterator[str]:
    """The finding, and what its operations did with its key, in the order of time."""
    yield f"{finding.rule}: {finding.sentence}"
    concerned = sorted((note for note in notes if note.operation in finding.operations), key=lambda note: note.at)
    for note in concerned:
        text = to_json(note, exclude={"operation", "at", "type"}).decode()
        if finding.key in text or isinstance(note, Called | Ended):
            yield f"  {(note.at - concerned[0].at) / 1e6:10.3f} ms  {note.operation} {note.type} {_shortened(text)}"


def _shortened(text: str) -> str:
    return text if len(text) <= WIDTH else f"{text[: WIDTH // 2]} … {text[-WIDTH // 2 :]}"
