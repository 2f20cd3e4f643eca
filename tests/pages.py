"""A page of documentation, and how it is run.

A page's blocks run in order, in a folder of the page's own:

- `python`: in one namespace; `await` works, as in `python -m asyncio`.
- A block of any language that begins with a file name in a comment (`# shop.py`) is written to that file instead.
- `console`: the lines behind `$` are commands; what follows each is its output.
- `bash`: a script.
- `text` directly behind a `python` or `bash` block: its output.

`...` in an output stands for anything. Any other block, or one that cannot run, says why it does not in a comment
before it: `<!-- not run: it needs a Telegram token -->`. A directive in braces is layout.
"""

import ast
import asyncio
import contextlib
import doctest
import io
import re
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FunctionType, ModuleType

FENCE = re.compile(
    r"^(?:<!-- not run: (?P<reason>.+?) -->\n+)?^```(?P<language>\S*).*\n(?P<code>(?:.*\n)*?)^```$", re.MULTILINE
)
FILE_NAME = re.compile(r"# ([\w/.-]+\.\w+)\n")
EXPORT = re.compile(r"export (\w+)=(.*)")
TIMEOUT = 60


class PageError(AssertionError):
    """A block that failed or gave another output than shown."""


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block. `reason` says why it is not run."""

    language: str
    code: str
    line: int
    reason: str | None = None

    @property
    def is_layout(self) -> bool:
        return self.language.startswith("{")

    @property
    def file(self) -> str | None:
        """The file that it is to be written to, instead of being run."""
        named = FILE_NAME.match(self.code)
        return named[1] if named else None


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a page."""
    return [
        Block(found["language"], found["code"], text.count("\n", 0, found.start("code")) + 1, found["reason"])
        for found in FENCE.finditer(text)
    ]


def unmarked(found: list[Block]) -> list[Block]:
    """The blocks that are neither run, nor compared, nor say why not."""
    pairs = zip([None, *found], found, strict=False)
    return [block for before, block in pairs if not (block.is_layout or block.reason or _is_used(before, block))]


def _is_used(before: Block | None, block: Block) -> bool:
    if block.language == "text":
        return before is not None and before.language in {"python", "bash"} and before.reason is None
    return block.file is not None or block.language in {"python", "console", "bash"}


@dataclass(slots=True)
class Run:
    """A page in the running: the namespace of its Python blocks, and what the last block printed.

    It works in the current directory; `setenv` is told what the page exports.
    """

    name: str
    runner: asyncio.Runner
    setenv: Callable[[str, str], None]
    module: ModuleType = field(init=False)
    output: str = ""

    def __post_init__(self) -> None:
        self.module = ModuleType(re.sub(r"\W", "_", self.name))
        # Pydantic and typing look up the module that a class says it is from.
        sys.modules[self.module.__name__] = self.module

    def blocks(self, text: str) -> None:
        """Run all blocks of a page that can be run.

        Raises:
            AssertionError: one failed, or gave another output than shown.
        """
        for block in blocks(text):
            if block.reason is None:
                self.block(block)

    def block(self, block: Block) -> None:
        """Run a block, or compare it with what the block before it printed."""
        if block.file:
            Path(block.file).parent.mkdir(parents=True, exist_ok=True)
            Path(block.file).write_text(block.code)
            return
        match block.language:
            case "python":
                self.output = self._python(block)
            case "bash":
                self.output = self._commands(block.code)
            case "console":
                self._console(block)
            case "text":
                self._compare(block.code, self.output, block)
            case _:
                pass

    def _python(self, block: Block) -> str:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            self._execute(block)
        return printed.getvalue()

    def _execute(self, block: Block) -> None:
        source = "\n" * (block.line - 1) + block.code
        code = compile(source, self.name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        result: object = FunctionType(code, self.module.__dict__)()
        if asyncio.iscoroutine(result):
            self.runner.run(result)

    def _console(self, block: Block) -> None:
        for command, output in console(block.code):
            self._compare(output, self._commands(command), block)

    def _commands(self, script: str) -> str:
        exported = EXPORT.fullmatch(script.strip())
        if exported:
            self.setenv(exported[1], "".join(shlex.split(exported[2])))
            return ""
        command = ["bash", "-euo", "pipefail", "-c", script]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT, check=False
        )
        if done.returncode:
            raise PageError(f"{self.name}: `{script.strip()}` exits with {done.returncode}:\n{done.stdout}")
        return done.stdout

    def _compare(self, wanted: str, given: str, block: Block) -> None:
        if not doctest.OutputChecker().check_output(wanted, given, doctest.ELLIPSIS):
            raise PageError(f"{self.name}:{block.line}: the page shows\n{wanted}\nbut it is\n{given}")


def console(code: str) -> Iterator[tuple[str, str]]:
    """The commands of a console block, each with the output that is shown."""
    for part in re.split(r"^\$ ", code, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, textwrap.dedent(output)
