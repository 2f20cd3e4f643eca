"""Frozen shapes of the session "cart". Written by `typed-sessions revision`; do not edit."""

# ruff: noqa
# fmt: off
# isort: skip_file

# pyright: reportMissingModuleSource=false

from pathlib import Path
from typing import TYPE_CHECKING

from typed_sessions.shapes.thaw import thaw

if TYPE_CHECKING:
    from typed_sessions_frozen.cart import Upcasts as Upcasts
    from typed_sessions_frozen.cart import V1 as V1
    from typed_sessions_frozen.cart import V2 as V2
    from typed_sessions_frozen.cart import V3 as V3
    from typed_sessions_frozen.cart import V3Line as V3Line
else:
    globals().update(thaw(__name__, "cart", Path(__file__).parent / "../sessions.lock"))
