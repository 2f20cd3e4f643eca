"""An entry that is not imported, written out as far as it goes, so that a person can see what was in it."""

import base64
import json
from typing import Any, Final

from typed_sessions.importing.pickles.kinds import is_dict, is_row, is_set
from typed_sessions.importing.pickles.notes import Note, is_class

MAX_DEPTH: Final = 40
MAX_SIZE: Final = 1024 * 1024
MAX_BITS: Final = 4000
CUT: Final = "…"


def original(value: object) -> str:
    """JSON of whatever value, up to a size; what is beyond it is an ellipsis."""
    return json.dumps(_Outline().of(value, 0), ensure_ascii=False)


class _Outline:
    def __init__(self) -> None:
        self._left = MAX_SIZE

    def of(self, value: object, depth: int) -> Any:  # noqa: ANN401  # JSON
        self._left -= 1
        if self._left < 0 or depth > MAX_DEPTH:
            return CUT
        if is_dict(value):
            return self._pairs(value, depth)
        if is_row(value) or is_set(value):
            return [self.of(each, depth + 1) for each in value]
        return self._note(value, depth) if isinstance(value, Note) else self._single(value)

    def _single(self, value: object) -> Any:  # noqa: ANN401  # JSON
        match value:
            case None | bool() | float():
                return value
            case int():
                return value if value.bit_length() <= MAX_BITS else CUT
            case str():
                return self._cut(value)
            case bytes() | bytearray():
                return {"base64": self._cut(base64.b64encode(value[:MAX_SIZE]).decode())}
            case _:
                return f"<{value.origin}>" if is_class(value) else f"<{type(value).__name__}>"

    def _pairs(self, value: dict[object, object], depth: int) -> Any:  # noqa: ANN401  # JSON
        if all(isinstance(name, str) for name in value):
            return {self._cut(str(name)): self.of(each, depth + 1) for name, each in value.items()}
        return {"pairs": [[self.of(name, depth + 1), self.of(each, depth + 1)] for name, each in value.items()]}

    def _note(self, note: Note, depth: int) -> Any:  # noqa: ANN401  # JSON
        told = {"arguments": note.arguments, "state": note.state, "content": note.content}
        return {"class": note.origin, **{name: self.of(each, depth + 1) for name, each in told.items() if each}}

    def _cut(self, text: str) -> str:
        self._left -= len(text)
        return text if self._left >= 0 else text[: max(0, self._left + len(text))] + CUT
