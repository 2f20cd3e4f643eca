"""For your tests: a clock to set, tests of your histories, and the contract that every store fulfils."""

import sys
from importlib import import_module
from typing import TYPE_CHECKING

from typed_sessions.testing.clock import SettableClock

if TYPE_CHECKING:
    from typed_sessions.testing.asserting import assert_upcasts
    from typed_sessions.testing.contract import StoreContract, SyncStoreContract
    from typed_sessions.testing.fuzzing import fuzz_history, stored
    from typed_sessions.testing.golden import check_golden

__all__ = [
    "SettableClock",
    "StoreContract",
    "SyncStoreContract",
    "assert_upcasts",
    "check_golden",
    "fuzz_history",
    "stored",
]

_PLACES = {
    "StoreContract": "contract",
    "SyncStoreContract": "contract",
    "assert_upcasts": "asserting",
    "check_golden": "golden",
    "fuzz_history": "fuzzing",
    "stored": "fuzzing",
}
_CONTRACT = ("keeping", "locking", "racing", "samples", "saving", "scanning")
_EXTRA = frozenset({"anyio", "hypothesis", "jsonschema", "pytest"})


def __getattr__(name: str) -> object:
    # What takes long to import, and may be missing, is loaded by whoever needs it.
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        if _PLACES[name] == "contract":
            _let_asserts_explain_themselves()
        return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
    except ModuleNotFoundError as error:
        if error.name not in _EXTRA:
            raise
        needed = f'typed_sessions.testing.{name} needs {error.name}: pip install "typed-sessions[testing]"'
        raise ModuleNotFoundError(needed, name=error.name) from error


def _let_asserts_explain_themselves() -> None:
    parts = (f"{__name__}.{part}" for part in _CONTRACT)
    # One that was imported before cannot explain itself any more, and pytest would warn of it.
    import_module("pytest").register_assert_rewrite(*(part for part in parts if part not in sys.modules))


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
