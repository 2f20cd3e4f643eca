"""Frozen shapes of the session "prefs". Written by `typed-sessions revision`; do not edit."""

# ruff: noqa
# fmt: off
# isort: skip_file

# pyright: reportMissingModuleSource=false

from pathlib import Path
from typing import TYPE_CHECKING

from typed_sessions.shapes.thaw import thaw

if TYPE_CHECKING:
    from typed_sessions_frozen.prefs import Upcasts as Upcasts
    from typed_sessions_frozen.prefs import V1 as V1
else:
    globals().update(thaw(__name__, "prefs", Path(__file__).parent / "../sessions.lock"))
