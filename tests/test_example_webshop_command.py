"""The example shop without a browser: its command line, its demo, its old carts, its pictures."""

import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from webshop.cart import Cart
from webshop.command import main
from webshop.people import ADA, checked

from tests.architecture import ROOT
from tests.webshop_running import EXAMPLE, PASSWORDS, told
from typed_sessions.testing import assert_upcasts

IMAGES = EXAMPLE / "images"
LARGEST = 60 * 1024


def run(*arguments: str, folder: Path, environment: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(EXAMPLE), *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_yesterdays_cart_is_upcast() -> None:
    new = Cart(packets={"assam": 2, "mint": 1})

    assert_upcasts(Cart, {"teas": ["assam", "mint", "assam"]}, version=1, to=new)


def test_a_tea_that_is_no_longer_sold_is_not_shown() -> None:
    assert [row.tea.sku for row in Cart(packets={"pu-erh": 1, "assam": 1}).rows] == ["assam"]


@pytest.mark.parametrize(("name", "password"), [("ada", "mint-at-nine"), ("ada", ""), ("charles", "assam-at-four")])
def test_a_wrong_name_or_password_is_nobodys(name: str, password: str) -> None:
    assert checked(name, password) is None


def test_a_right_password_is_its_persons() -> None:
    assert checked("ada", PASSWORDS["ada"]) is ADA


def test_the_demo_tells_of_a_visit(tmp_path: Path) -> None:
    played = run("--demo", folder=tmp_path, environment=told())

    assert (played.returncode, played.stderr) == (0, "")
    assert "Rows in the database: none." in played.stdout
    assert "all at once\n        -> Cart: 23." in played.stdout
    assert "-> 403, " in played.stdout
    assert played.stdout.endswith("is asked to log in\n")
    assert list(tmp_path.iterdir()) == []


def test_help_says_what_to_try(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])

    said = capsys.readouterr().out
    assert all(word in said for word in ("--demo", "--day-one", "--port", *PASSWORDS.values(), "db upgrade"))


def test_without_a_table_it_says_what_makes_it(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'webshop.db'}"
    tried = run("--port", "0", folder=tmp_path, environment=told(url))

    assert (tried.returncode, tried.stderr) == (2, "")
    assert "typed-sessions db upgrade" in tried.stdout


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        tried = run("--port", str(port), folder=tmp_path, environment=told())

    assert (tried.returncode, tried.stderr) == (2, "")
    assert f"port {port} of 127.0.0.1 is taken" in tried.stdout


def test_every_picture_is_small_and_shown() -> None:
    page = (ROOT / "docs" / "examples.md").read_text()
    pictures = sorted(IMAGES.glob("*.png"))

    assert pictures
    assert [path.name for path in pictures if path.stat().st_size > LARGEST] == []
    assert [path.name for path in pictures if f"(examples/webshop/images/{path.name})" not in page] == []
