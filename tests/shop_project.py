"""A shop whose cart has three frozen versions, for tests of `typed-sessions revision`."""

from pathlib import Path

from typer.testing import CliRunner

from tests.history_project import HistoryProject
from typed_sessions.cli.app import app

MODEL = """
from pydantic import BaseModel
from typed_sessions import SessionConfig, SessionModel


class Line(BaseModel):
    sku: str
    qty: int = 1


class Cart(SessionModel):
    session_config = SessionConfig(name="cart", version=1)

    user: str = ""
    # what is in it

    lines: list[Line] = []
    # how it is paid

    coupon: str = ""
"""
CART, HISTORY, LOCK, FROZEN = "shop/cart.py", "shop/cart_history.py", "sessions.lock", "shop/_frozen/cart.py"


def run(*arguments: str) -> tuple[int, str]:
    """The exit code of `typed-sessions` in the current folder, and what it printed."""
    done = CliRunner().invoke(app, [*arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def ran(*arguments: str) -> str:
    """The same for what must succeed."""
    code, said = run(*arguments)
    assert code == 0, said
    return said


def new_shop(folder: Path) -> HistoryProject:
    """The shop before anything is frozen."""
    project = HistoryProject(folder)
    project.write("pyproject.toml", '[tool.typed-sessions]\nmodels = ["shop.cart"]\n')
    project.write("shop/__init__.py", "")
    project.write(CART, MODEL)
    return project


def add(project: HistoryProject, field: str, *, below: str = "user: str") -> None:
    """Give the cart another field, under the one that begins so."""
    line = next(line for line in project.read(CART).splitlines() if line.strip().startswith(below))
    project.replace(CART, f"{line}\n", f"{line}\n    {field}\n")


def three_versions(folder: Path) -> HistoryProject:
    """A shop whose cart is at version 3, with all of it in git."""
    project = new_shop(folder)
    ran("revision", "cart", "-m", "first")
    add(project, 'note: str = ""')
    ran("revision", "cart", "-m", "a note")
    add(project, "vip: bool = False", below="note")
    ran("revision", "cart", "-m", "good customers")
    project.commit("three versions")
    return project


def files(project: HistoryProject) -> dict[str, bytes]:
    """All files of the project but git's and Python's."""
    paths = [path for path in sorted(project.folder.rglob("*")) if path.is_file()]
    return {
        path.relative_to(project.folder).as_posix(): path.read_bytes()
        for path in paths
        if ".git" not in path.parts and "__pycache__" not in path.parts
    }
