"""Frozen shapes of the session "checkout". Written by `typed-sessions revision`; do not edit."""

# ruff: noqa
# fmt: off
# isort: skip_file

# pyright: reportMissingModuleSource=false

from pathlib import Path
from typing import TYPE_CHECKING

from typed_sessions.shapes.thaw import thaw

if TYPE_CHECKING:
    from typed_sessions_frozen.checkout import Upcasts as Upcasts
    from typed_sessions_frozen.checkout import V1 as V1
    from typed_sessions_frozen.checkout import V1Delivery as V1Delivery
else:
    globals().update(thaw(__name__, "checkout", Path(__file__).parent / "../sessions.lock"))
