"""Which pages a request may come from."""

from collections.abc import Mapping

import pytest

from typed_sessions import SessionDefinitionError
from typed_sessions.integrations.web.origins import Headers, Origins, normal, of_page, says_nothing, trusted

SHOP = "https://shop.example"
PAY = "https://pay.example:8443"
EVIL = "https://evil.example"


def headers(sent: Mapping[str, str | list[str]]) -> Headers:
    given = {name: [values] if isinstance(values, str) else values for name, values in sent.items()}
    return lambda name: given.get(name, [])


def problem(own: str | None = SHOP, **sent: str | list[str]) -> str | None:
    """What the rules say of a request to `own`, with headers such as `sec_fetch_site`."""
    named = {name.replace("_", "-"): values for name, values in sent.items()}
    return Origins(own, trusted([PAY])).problem(headers(named))


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_what_the_browser_says_is_of_our_origin_passes(site: str) -> None:
    assert problem(sec_fetch_site=site) is None


@pytest.mark.parametrize("site", ["same-site", "cross-site", "", "Same-Origin", "same-origin, none", "anything"])
def test_what_the_browser_says_is_of_another_origin_is_refused(site: str) -> None:
    assert problem(sec_fetch_site=site) is not None


def test_what_the_browser_says_of_the_site_counts_more_than_an_origin_that_fits() -> None:
    assert problem(sec_fetch_site="cross-site", origin=SHOP) is not None


@pytest.mark.parametrize("site", ["same-site", "cross-site"])
def test_another_site_passes_if_its_origin_is_trusted(site: str) -> None:
    assert problem(sec_fetch_site=site, origin=PAY) is None


@pytest.mark.parametrize("origin", [EVIL, "null", "https://pay.example", "http://pay.example:8443"])
def test_another_site_is_refused_if_its_origin_is_not_trusted(origin: str) -> None:
    assert problem(sec_fetch_site="cross-site", origin=origin) is not None


def test_headers_that_contradict_each_other_are_refused() -> None:
    assert problem(sec_fetch_site=["same-origin", "cross-site"]) is not None
    assert problem(origin=[SHOP, EVIL]) is not None
    assert problem(origin=[SHOP, SHOP]) is not None
    assert problem(sec_fetch_site="cross-site", origin=[PAY, EVIL]) is not None


@pytest.mark.parametrize(
    ("own", "origin"),
    [
        (SHOP, SHOP),
        (SHOP, "HTTPS://SHOP.example"),
        (SHOP, "https://shop.example:443"),
        (SHOP, PAY),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("https://shop.example.", "https://shop.example."),
    ],
)
def test_without_word_of_the_site_an_origin_that_is_ours_or_trusted_passes(own: str, origin: str) -> None:
    assert problem(own, origin=origin) is None


@pytest.mark.parametrize(
    "origin",
    [
        EVIL,
        "null",
        "",
        "http://shop.example",
        "https://shop.example:8443",
        "https://shop.example.",
        "https://shop.example.evil.example",
        "https://evilshop.example",
        "https://shop.example@evil.example",
        "https://evil.example@shop.example",
        "https://shop.example/",
        "https://shop.example,https://evil.example",
        "https://shop.example https://evil.example",
        "https://[::1]",
        "shop.example",
        "//shop.example",
        "https://shop.example\\@evil.example",
        "https://shop.example%2eevil.example",
        "https://shop.ex\u00e4mple",
        "https://" + "a" * 100_000,
    ],
)
def test_without_word_of_the_site_any_other_origin_is_refused(origin: str) -> None:
    assert problem(origin=origin) is not None


def test_an_origin_is_refused_where_the_request_does_not_say_what_it_asks_for() -> None:
    assert problem(None, origin=SHOP) is not None


@pytest.mark.parametrize("page", [SHOP, f"{SHOP}/cart?a=1#b", "https://SHOP.example:443/cart", f"{PAY}/back"])
def test_without_an_origin_a_page_of_ours_or_of_a_trusted_origin_passes(page: str) -> None:
    assert problem(referer=page) is None


@pytest.mark.parametrize(
    "page",
    [
        f"{EVIL}/{SHOP}",
        f"{EVIL}?{SHOP}",
        f"{EVIL}\\{SHOP}",
        "https://shop.example.evil.example/",
        "https://shop.example@evil.example/",
        "https://evil.example@shop.example/",
        "http://shop.example/",
        "about:blank",
        "",
    ],
)
def test_without_an_origin_any_other_page_is_refused(page: str) -> None:
    assert problem(referer=page) is not None


def test_an_origin_counts_more_than_a_page_that_fits() -> None:
    assert problem(origin="null", referer=f"{SHOP}/cart") is not None


def test_where_the_browser_says_nothing_there_is_no_problem_but_no_certainty() -> None:
    assert problem() is None
    assert says_nothing(headers({}))
    assert not says_nothing(headers({"sec-fetch-site": "none"}))
    assert not says_nothing(headers({"origin": SHOP}))
    assert not says_nothing(headers({"referer": SHOP}))


def test_the_log_shows_no_path_and_no_long_header() -> None:
    of_pages = [problem(referer=f"{origin}/reset/s3cret") for origin in (EVIL, "https://ada@evil.example")]
    of_long = problem(origin="x" * 10_000)

    assert not any(each is None or "s3cret" in each for each in of_pages)
    assert of_long is not None
    assert len(of_long) < 400


@pytest.mark.parametrize(
    "origin", ["null", "*", "shop.example", "https://shop.example/", "https://shop.example/cart", "https://*.example"]
)
def test_what_is_no_origin_cannot_be_trusted(origin: str) -> None:
    with pytest.raises(SessionDefinitionError, match="no origin to trust"):
        trusted([origin])


def test_a_single_origin_is_not_taken_for_a_list_of_letters() -> None:
    with pytest.raises(SessionDefinitionError, match=r"write trusted_origins=\['https://shop\.example'\]"):
        trusted(SHOP)


def test_the_origin_of_a_page_is_as_browsers_write_it() -> None:
    assert of_page("https://Shop.Example:443/Cart") == normal("HTTPS://shop.example") == SHOP
