"""The records of an export, line by line, and whether it is whole."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from typed_sessions.key import SessionKey
from typed_sessions.transfer.lines import Footer, Header, LineError, Seal, parsed
from typed_sessions.transfer.restoring import Numbered, Rejected


@dataclass
class Reading:
    """Reads an export once. Afterwards it knows whether that was whole."""

    seal: Seal = field(default_factory=Seal)
    footer: Footer | None = None

    def records(self, lines: Iterable[bytes]) -> Iterator[Numbered | Rejected]:
        """The records; and the lines that are none, with the reasons.

        Raises:
            LineError: it does not begin as an export does.
        """
        for number, line in enumerate(lines, start=1):
            try:
                what = parsed(line)
            except LineError as error:
                if number == 1:
                    raise
                self.seal.add(line, 1)
                yield Rejected(number, line, str(error))
                continue
            if number == 1 and not isinstance(what, Header):
                raise LineError("its first line is no header of an export")
            match what:
                case Footer():
                    self.footer = what
                case Header():
                    self.seal.add(line, 0)
                case _:
                    self.seal.add(line, 1)
                    yield Numbered(number, line, what)

    @property
    def fault(self) -> str | None:
        """Why what was read is not what was exported; None if it is."""
        if self.footer is None:
            return "it was cut off: its last line is missing"
        if self.footer.count != self.seal.count:
            return f"it has {self.seal.count:,} records, and {self.footer.count:,} were exported"
        return None if self.footer == self.seal.footer() else "it is not as it was exported: its checksum differs"


def batches(found: Iterable[Numbered | Rejected], size: int) -> Iterator[tuple[list[Numbered], list[Rejected]]]:
    """The records in batches in which no key stands twice."""
    rows, bad, keys = list[Numbered](), list[Rejected](), set[SessionKey]()
    for each in found:
        if len(rows) + len(bad) >= size or (isinstance(each, Numbered) and each.row[0] in keys):
            yield rows, bad
            rows, bad, keys = list[Numbered](), list[Rejected](), set[SessionKey]()
        if isinstance(each, Numbered):
            rows.append(each)
            keys.add(each.row[0])
        else:
            bad.append(each)
    if rows or bad:
        yield rows, bad
