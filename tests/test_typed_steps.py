"""The steps of a project that the tool itself generated, under plain mypy and plain pyright."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.history_project import HistoryProject

MYPY = ("-m", "mypy", "--strict", "--python-version=3.11", "--config-file=", "--output=json", "--no-error-summary")
PYRIGHT = ("-m", "pyright", "--outputjson", f"--pythonpath={sys.executable}")

ONE = """
from pydantic import BaseModel

from typed_sessions import SessionConfig, SessionModel


class Item(BaseModel):
    name: str
    price: str = "0"


class Cart(SessionModel):
    session_config = SessionConfig(name="cart")

    items: list[Item] = []
    user: str = ""
    coupon: str = ""
"""
TWO = {'    user: str = ""\n': "    customer_id: int | None = None\n"}
THREE = {
    '    price: str = "0"\n': "    cents: int = 0\n",
    '    coupon: str = ""\n': '    coupon: str = ""\n    currency: str = "EUR"\n    gift: bool = False\n',
}
RIGHT_ONE = """
        return {
            "items": old["items"],
            "customer_id": int(old["user"]) if old["user"] else None,
            "coupon": old["coupon"],
        }
"""
RIGHT_TWO = """
        return {
            **old,
            "items": [{"name": item["name"], "cents": int(item["price"]) * 100} for item in old["items"]],
            "currency": "EUR",
            "gift": False,
        }
"""
MISTAKES: dict[str, tuple[str, str]] = {
    "a missing step": (f"    @staticmethod\n    def v1_to_v2(old: frozen.V1, /) -> frozen.V2:{RIGHT_ONE}\n", ""),
    "a misspelt key": ('old["user"] else', 'old["usr"] else'),
    "a wrong use of a type": ('int(old["user"]) if old["user"] else None', 'old["user"] + 1'),
    "a result that lacks a field with a default": ('            "gift": False,\n', ""),
    "a result of a wrong type": ('"currency": "EUR"', '"currency": 978'),
    "a step tied to the wrong version": ("def v2_to_v3(old: frozen.V2, /)", "def v2_to_v3(old: frozen.V1, /)"),
    "a key of a later version": ('"coupon": old["coupon"]', '"coupon": old["currency"]'),
    "a misspelt nested key": ('item["price"]', 'item["prize"]'),
    "an unfinished step": ('"gift": False', '"gift": ...'),
    "a dropped key that is still there": ('            "items": old["items"],\n', "            **old,\n"),
}


def file_of(mistake: str) -> str:
    return mistake.replace(" ", "_")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> HistoryProject:
    """Three versions of a cart by the tool, its drafts finished, and a copy of its history with each mistake."""
    made = HistoryProject(tmp_path_factory.mktemp("project"))
    made.write("shop/__init__.py", "")
    made.write("shop/cart.py", ONE)
    revise(made, {})
    revise(made, TWO)
    finish(made, "v1_to_v2", RIGHT_ONE)
    revise(made, THREE)
    finish(made, "v2_to_v3", RIGHT_TWO)
    right = made.read("shop/cart_history.py")
    for mistake, (old, new) in MISTAKES.items():
        assert right.count(old) == 1, mistake
        made.write(f"shop/{file_of(mistake)}.py", right.replace(old, new) + "\n\nCartHistory()\n")
    return made


def revise(project: HistoryProject, edits: dict[str, str]) -> None:
    for old, new in edits.items():
        project.replace("shop/cart.py", old, new)
    code, output = project.run("revision", "cart", "-m", "a change")
    assert code == 0, output


def finish(project: HistoryProject, step: str, body: str) -> None:
    """Write the body of a drafted step, which is the last one."""
    text = project.read("shop/cart_history.py")
    start = text.index(":\n", text.index(f"def {step}(")) + 1
    (project.folder / "shop/cart_history.py").write_text(text[:start] + body)


def mypy(project: HistoryProject) -> dict[str, list[str]]:
    """What plain mypy says, by the names of the files."""
    found: dict[str, list[str]] = {}
    for line in ran(project, *MYPY, "shop").splitlines():
        said = json.loads(line)
        if said["severity"] == "error":
            found.setdefault(Path(said["file"]).stem, []).append(said["message"])
    return found


def pyright(project: HistoryProject) -> dict[str, list[str]]:
    """What plain pyright says, by the names of the files."""
    found: dict[str, list[str]] = {}
    for said in json.loads(ran(project, *PYRIGHT, "shop"))["generalDiagnostics"]:
        found.setdefault(Path(said["file"]).stem, []).append(said["message"])
    return found


def ran(project: HistoryProject, *arguments: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=project.folder, capture_output=True, text=True, timeout=300, check=False, env=environment,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


def test_the_drafts_of_the_tool_wait_for_a_person(tmp_path: Path) -> None:
    made = HistoryProject(tmp_path)
    made.write("shop/__init__.py", "")
    made.write("shop/cart.py", ONE)
    revise(made, {})
    revise(made, TWO)

    assert '"customer_id": ...,  # new: int | None = None' in made.read("shop/cart_history.py")
    assert list(mypy(made)) == list(pyright(made)) == ["cart_history"]


@pytest.mark.parametrize("checker", [mypy, pyright])
def test_every_mistake_in_a_step_is_found(
    checker: Callable[[HistoryProject], dict[str, list[str]]], project: HistoryProject
) -> None:
    found = checker(project)

    assert sorted(found) == sorted(map(file_of, MISTAKES))


def test_the_finished_project_passes_the_check_and_keeps_old_carts(project: HistoryProject) -> None:
    code, output = project.run("check")
    assert code == 0, output

    printed = project.python(
        """
        import asyncio
        from datetime import UTC, datetime
        from shop.cart import Cart
        from typed_sessions import MemoryStore, Record, SessionKey, Sessions
        from typed_sessions.stores.protocol import Insert

        async def main():
            store, now = MemoryStore(), datetime.now(UTC)
            data = b'{"items": [{"name": "funghi", "price": "8"}], "user": "7", "coupon": ""}'
            record = Record(version=1, min_reader=1, revision=1, data=data, created_at=now, updated_at=now)
            await store.save([Insert(SessionKey.of("cart", 1), record)])
            print(await Sessions(store).load(Cart, 1))

        asyncio.run(main())
        """
    )
    assert printed.strip() == "items=[Item(name='funghi', cents=800)] customer_id=7 coupon='' currency='EUR' gift=False"
