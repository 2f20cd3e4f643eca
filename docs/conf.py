"""How the documentation is built: `make docs`."""

from typing import Any

from docutils.nodes import Element
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

import typed_sessions.integrations.fastapi  # before autodoc, which changes what Pydantic sees
import typed_sessions.integrations.telegram  # noqa: F401  # before autodoc, which changes what Pydantic sees
from typed_sessions import __version__

project = "typed-sessions"
author = "The typed-sessions founders"
copyright = f"2026, {author}"  # noqa: A001  # Sphinx's name
release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
exclude_patterns = ["_build", "examples"]
html_theme = "furo"
html_title = "typed-sessions"
# A prompt is shown, not copied.
copybutton_prompt_text = r"\$ |>>> |\.\.\. "
copybutton_prompt_is_regexp = True

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_inherit_docstrings = False  # those of frameworks are written in their own markup
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_default_options = {"members": True, "show-inheritance": True}
napoleon_numpy_docstring = False
# Docstrings write code in single backticks, as Markdown does.
default_role = "code"

nitpicky = True
# Only our own names must resolve; other projects' would need their indexes from the network.
OTHERS = r"(?!typed_sessions\.).*"
TYPE_VARIABLES = r"typed_sessions[\w.]*\.[A-Z]{1,3}(_co)?"
nitpick_ignore_regex = [(r"py:.*", OTHERS), (r"py:.*", TYPE_VARIABLES)]


def as_written(_app: Sphinx, what: str, name: str, *rest: Any) -> None:  # noqa: ANN401  # Sphinx's
    """Read our docstrings: an indented block behind a colon is code.

    What modules say of themselves is left out: it speaks to those who read the source.
    """
    lines: list[str] = rest[-1]
    if what == "module" and name.startswith("typed_sessions"):
        lines.clear()
    if what in {"attribute", "property"}:
        lines[:0] = ["..", ""]  # an empty comment, lest napoleon take the words before a colon for a type
    for number, (line, gap, block) in enumerate(zip(lines, lines[1:], lines[2:], strict=False)):
        if line.endswith(":") and not gap and block.startswith("    "):
            lines[number] = f"{line}:"


def at_the_facade(app: Sphinx, env: BuildEnvironment, node: pending_xref, content: Element) -> Element | None:
    """Link a name from the module that defines it to where users import it from."""
    package, _, name = str(node["reftarget"]).rpartition(".")
    if not package.startswith("typed_sessions."):
        return None
    target = f"typed_sessions.{name}"
    return env.domains["py"].resolve_xref(env, node["refdoc"], app.builder, node["reftype"], target, node, content)


def setup(app: Sphinx) -> None:
    app.connect("autodoc-process-docstring", as_written, priority=400)  # before napoleon
    app.connect("missing-reference", at_the_facade)
