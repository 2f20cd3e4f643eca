"""The load: visitors that have a session, and requests from wrk (https://github.com/wg/wrk)."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

CONNECTIONS = 32
VISITORS = 256
SCRIPT = Path(__file__).with_name("load.lua")


class WrkMissingError(Exception):
    """There is no wrk."""

    def __init__(self) -> None:
        super().__init__("wrk makes the load and is not installed: apt-get install wrk")


@dataclass(frozen=True, slots=True)
class Load:
    """What came of one run."""

    requests: int
    seconds: float
    failed: int
    p50: float
    """Milliseconds."""
    p99: float
    """Milliseconds."""

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds


def visitors(url: str, number: int = VISITORS) -> list[str]:
    """The `Cookie` headers of new visitors, each of whom has written once."""
    return [asked(url, "POST", "/write")[1] for _ in range(number)]


def asked(url: str, method: str, path: str, cookie: str = "") -> tuple[str, str]:
    """The text of a response, and the cookies that it sets, as the next request sends them.

    Raises:
        RuntimeError: it is none of success.
    """
    connection = HTTPConnection(urlsplit(url).netloc, timeout=30)
    try:
        connection.request(method, path, headers={"Cookie": cookie} if cookie else {})
        response = connection.getresponse()
        text = response.read().decode()
        if response.status != 200:
            raise RuntimeError(f"{method} {path} gave {response.status}: {text[:200]}")
        set_cookies = response.headers.get_all("Set-Cookie") or []
        return text, "; ".join(each.partition(";")[0] for each in set_cookies)
    finally:
        connection.close()


def loaded(url: str, method: str, path: str, seconds: float, cookies: Path | None = None) -> Load:
    """Load an application.

    Args:
        url: where it is served.
        method: that of every request.
        path: that of every request.
        seconds: how long.
        cookies: a file with a `Cookie` header on each line, which are sent in turns.

    Raises:
        WrkMissingError: it is not installed.
    """
    wrk = shutil.which("wrk")
    if wrk is None:
        raise WrkMissingError
    given = [method, *([str(cookies)] if cookies else [])]
    done = subprocess.run(
        [
            *(wrk, "--threads", "1", "--connections", str(CONNECTIONS), "--duration", f"{seconds:g}s"),
            *("--timeout", "10s", "--script", str(SCRIPT), url + path, "--", *given),
        ],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = json.loads(done.stdout.strip().splitlines()[-1])
    taken = found["microseconds"] / 1e6
    return Load(found["requests"], taken, found["failed"], found["p50"] / 1e3, found["p99"] / 1e3)


def survivors(url: str, clients: int) -> int:
    """How many of the updates that `clients` make to one session at the same time are there afterwards."""
    _, cookie = asked(url, "POST", "/write")
    before = int(asked(url, "GET", "/read", cookie)[0])
    with ThreadPoolExecutor(clients) as threads:
        list(threads.map(_tried, [url] * clients, [cookie] * clients))
    return int(asked(url, "GET", "/read", cookie)[0]) - before


def _tried(url: str, cookie: str) -> None:
    try:
        asked(url, "POST", "/write", cookie)
    except RuntimeError:  # refused, not lost: but it is not there either
        return


def written(cookies: Sequence[str], file: Path) -> Path:
    """The file with the cookies in it."""
    file.write_text("\n".join(cookies) + "\n")
    return file
