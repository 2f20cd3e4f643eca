"""A shop of which two branches both made version 4, for tests of `typed-sessions revision --rebase`."""

import subprocess
from pathlib import Path

import pytest

from tests.history_project import HistoryProject
from tests.shop_project import FROZEN, HISTORY, LOCK, add, ran, three_versions


def two_branches(folder: Path) -> HistoryProject:
    """A shop: version 4 of main has a gift, that of the branch, which is checked out, a tip."""
    shop = three_versions(folder)
    shop.git("checkout", "-q", "-b", "tips")
    shop.git("checkout", "-q", "main")
    add(shop, "gift: bool = False", below="coupon")
    ran("revision", "cart", "-m", "gift wrapping")
    shop.commit("gifts")
    shop.git("checkout", "-q", "tips")
    add(shop, "tip: int = 0")
    ran("revision", "cart", "-m", "tips")
    return shop


def by_hand(shop: HistoryProject) -> None:
    """Write the step of the branch, and commit it."""
    shop.replace(HISTORY, 'return {**old, "tip": 0', 'tip = 5  # by hand\n        return {**old, "tip": tip or 0')
    shop.commit("tips")


def merge(shop: HistoryProject, branch: str = "main") -> None:
    """Merge, with conflicts."""
    with pytest.raises(subprocess.CalledProcessError):
        shop.git("merge", "-q", branch)
    assert "<<<<<<<" in shop.read(LOCK) + shop.read(FROZEN)


def steps(shop: HistoryProject) -> list[str]:
    return [line.split("def ")[1].split("(")[0] for line in shop.read(HISTORY).splitlines() if "def v" in line]


def step(shop: HistoryProject, name: str) -> str:
    return shop.read(HISTORY).partition(f"def {name}(")[2].partition("@staticmethod")[0]


def conflict(shop: HistoryProject, *arguments: str) -> None:
    """Run a command of git that stops at a conflict."""
    with pytest.raises(subprocess.CalledProcessError):
        shop.git(*arguments)


def solve(shop: HistoryProject, name: str) -> None:
    """Keep the lines of both sides."""
    marks = ("<<<<<<<", "=======", ">>>>>>>")
    lines = shop.read(name).splitlines(keepends=True)
    shop.write(name, "".join(line for line in lines if not line.startswith(marks)))


def assert_typed(shop: HistoryProject) -> None:
    """The project passes plain mypy --strict."""
    shop.python("""
        import os
        from mypy import api

        os.environ["MYPYPATH"] = "stubs"
        said, errors, code = api.run(["--strict", "--cache-dir=/dev/null", "shop"])
        assert code == 0, said + errors
    """)
