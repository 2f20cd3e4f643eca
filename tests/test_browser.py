"""The browser of the tests: its absence is said, or is a failure."""

import pytest

from tests.browser import chromium, lent_browser
from tests.conftest import REQUIRED
from tests.services import ServiceMissingError


@pytest.fixture(autouse=True)
def _not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv(REQUIRED, raising=False)


async def test_a_missing_browser_is_named_with_the_way_to_get_it() -> None:
    with pytest.raises(ServiceMissingError, match=r"no Chromium: install it \(apt-get install chromium\)"):
        await chromium().__aenter__()


async def test_a_missing_browser_skips_its_tests() -> None:
    with pytest.raises(pytest.skip.Exception, match="no Chromium"):
        await lent_browser().__aenter__()


async def test_a_missing_browser_fails_its_tests_where_all_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(REQUIRED, "1")

    with pytest.raises(pytest.fail.Exception, match="no Chromium"):
        await lent_browser().__aenter__()
