"""For your tests: a clock to set, and the contract that every store fulfils."""

import pytest

pytest.register_assert_rewrite(
    *(f"typed_sessions.testing.{name}" for name in ("keeping", "locking", "racing", "samples", "saving", "scanning"))
)

from typed_sessions.testing.clock import SettableClock  # noqa: E402 # the contract's asserts must explain themselves
from typed_sessions.testing.contract import StoreContract, SyncStoreContract  # noqa: E402 # as above

__all__ = ["SettableClock", "StoreContract", "SyncStoreContract"]
