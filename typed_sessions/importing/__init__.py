"""What other libraries stored, into sessions: grammY, aiogram's FSM storages, python-telegram-bot's persistence.

    source = GrammySource(GrammyFolder(Path("sessions")))
    tally = await import_sessions(sessions.store, source, Target(model=Cart))

Each source is a module of its own, so that only what it needs is imported. `typed-sessions import` is all of it on the
command line.
"""

from typed_sessions.importing.entry import Bad, Entry, Found, Other, Source, SourceError
from typed_sessions.importing.importing import import_sessions
from typed_sessions.importing.tally import Batch, Tally
from typed_sessions.importing.target import Target, Versions

__all__ = [
    "Bad",
    "Batch",
    "Entry",
    "Found",
    "Other",
    "Source",
    "SourceError",
    "Tally",
    "Target",
    "Versions",
    "import_sessions",
]
