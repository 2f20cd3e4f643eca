"""Tokens, what they are bound to, and which requests need one."""

from base64 import urlsafe_b64decode
from collections.abc import Sequence
from typing import Any

import pytest

from typed_sessions import SessionClosedError, SessionDefinitionError
from typed_sessions.integrations.web import Cookie
from typed_sessions.integrations.web.csrf import (
    Asked,
    CsrfRules,
    Tokens,
    Visitor,
    cookie_beside,
    is_bound,
    token,
)
from typed_sessions.integrations.web.ids import mint

# As the ids of visits are: 32 bytes in base64url.
ID, OTHER = "a" * 42 + "A", "b" * 42 + "A"


def asked(method: str = "POST", path: str = "/", **headers: Sequence[str]) -> Asked:
    return Asked(method=method, path=path, origin="https://shop.example", headers=lambda name: headers.get(name, []))


def visitor(id_: str = ID, *, is_stored: bool = False, has_new_id: bool = False) -> Visitor:
    return Visitor(id=id_, is_stored=is_stored, has_new_id=has_new_id)


def test_a_log_of_what_is_known_of_a_visit_holds_no_id() -> None:
    assert ID not in repr(visitor())


def tokens(*sent: str) -> Tokens:
    return Tokens(Cookie(), lambda name: list(sent) if name == "__Host-csrf" else [])


def test_a_token_is_bound_to_its_secret_alone() -> None:
    made = token(ID)

    assert is_bound(made, [ID])
    assert is_bound(made, [OTHER, ID])
    assert not is_bound(made, [OTHER])
    assert not is_bound(made, [])


def test_no_two_tokens_are_alike() -> None:
    made = {token(ID) for _ in range(100)}

    assert len(made) == 100
    assert len({each[:43] for each in made} | {each[43:] for each in made}) == 200


def test_a_token_does_not_hold_its_secret() -> None:
    both = urlsafe_b64decode(token(ID) + "==")
    unmasked = bytes(a ^ b for a, b in zip(both[:32], both[32:], strict=True))

    assert urlsafe_b64decode(ID + "=") not in (both[:32], both[32:], unmasked)


@pytest.mark.parametrize("position", [0, 42, 43, 84])
def test_a_token_with_another_letter_is_none(position: int) -> None:
    made = token(ID)
    other = "A" if made[position] != "A" else "B"

    assert not is_bound(made[:position] + other + made[position + 1 :], [ID])


@pytest.mark.parametrize("given", ["", "A" * 86, "A" * 85, "A" * 87, "=" * 86, "ä" * 86, "\0" * 86, "A" * 1_000_000])
def test_what_is_no_token_is_bound_to_nothing(given: str) -> None:
    assert not is_bound(given, [ID])


def test_a_token_with_something_around_it_is_none() -> None:
    made = token(ID)

    assert not any(is_bound(each, [ID]) for each in (made + "\n", made + "==", f" {made}", f"{made},{made}"))


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE"])
def test_a_safe_method_needs_no_check(method: str) -> None:
    assert CsrfRules().is_exempt(asked(method))


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "CONNECT", "get", "GET ", "LINK", ""])
def test_any_other_method_needs_one(method: str) -> None:
    assert not CsrfRules().is_exempt(asked(method))


@pytest.mark.parametrize("path", ["/webhooks", "/webhooks/", "/webhooks/stripe", "/api/v1/push", "/api/v1/push/1"])
def test_an_exempt_path_and_all_below_it_need_no_check(path: str) -> None:
    assert CsrfRules(exempt=["/webhooks", "/api/v1/push/"]).is_exempt(asked(path=path))


@pytest.mark.parametrize(
    "path",
    [
        "/webhooks-of-others",
        "/webhook",
        "/Webhooks",
        "/cart/webhooks",
        "/api/v1",
        "/",
        "",
        "webhooks",
        "/webhooks/../cart",
        "/webhooks/./cart",
        "/webhooks//cart",
        "//webhooks",
        "/webhooks/..\\cart",
        "/webhooks/..",
    ],
)
def test_a_path_beside_an_exempt_one_needs_a_check(path: str) -> None:
    assert not CsrfRules(exempt=["/webhooks", "/api/v1/push/"]).is_exempt(asked(path=path))


def test_a_token_is_always_needed_or_where_the_browser_says_nothing() -> None:
    said, nothing = asked(origin=["https://shop.example"]), asked()

    assert CsrfRules().needs_token(said)
    assert CsrfRules().needs_token(nothing)
    assert not CsrfRules(tokens="unsure").needs_token(said)
    assert CsrfRules(tokens="unsure").needs_token(nothing)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tokens": "never"}, "'always' or 'unsure', not 'never'"),
        ({"trusted_origins": ["null"]}, "no origin to trust"),
        ({"exempt": "/webhooks"}, r"write exempt=\['/webhooks'\]"),
        ({"exempt": ["webhooks"]}, "begin with '/'"),
        ({"exempt": ["/"]}, "leave the middleware out"),
        ({"exempt": [""]}, "no path to exempt"),
        ({"field": ""}, "cannot name a field"),
        ({"field": "tökén"}, "cannot name a field"),
        ({"header": "X CSRF"}, "cannot name a field or header"),
    ],
)
def test_rules_that_cannot_work_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(SessionDefinitionError, match=message):
        CsrfRules(**arguments)


def test_a_stored_visit_needs_no_cookie_beside_its_own() -> None:
    of_request = tokens()

    assert is_bound(of_request.token(visitor(is_stored=True)), [ID])
    assert of_request.set_cookies(visitor(is_stored=True)) == []


def test_a_new_visit_gets_a_cookie_to_bind_tokens_to() -> None:
    of_request = tokens()
    made = [of_request.token(visitor()) for _ in range(2)]

    [cookie] = of_request.set_cookies(visitor())
    secret = cookie.removeprefix("__Host-csrf=").partition(";")[0]
    assert cookie == f"__Host-csrf={secret}; Path=/; Secure; HttpOnly; SameSite=Lax"
    assert all(is_bound(each, [secret]) for each in made)
    assert not is_bound(made[0], [ID])


def test_the_cookie_is_kept_for_as_long_as_the_visit_is_new() -> None:
    of_request = tokens(OTHER)

    assert is_bound(of_request.token(visitor()), [OTHER])
    assert of_request.set_cookies(visitor()) == []


@pytest.mark.parametrize("sent", ["", "x", OTHER + "\n", OTHER + ".x", "ä" * 43, "A" * 10_000])
def test_a_cookie_that_is_not_ours_binds_nothing(sent: str) -> None:
    of_request = tokens(sent)

    assert of_request.sent == []
    assert of_request.token(visitor())
    assert len(of_request.set_cookies(visitor())) == 1


@pytest.mark.parametrize("sent", [{"__Host-session": ID}, {"__Host-csrf": OTHER}])
def test_a_token_may_come_with_the_cookie_of_the_visit_or_the_one_beside_it(sent: dict[str, str]) -> None:
    assert Tokens(Cookie(), lambda name: [sent[name]] if name in sent else []).may_come


def test_no_token_may_come_without_a_cookie() -> None:
    assert not tokens().may_come
    assert not tokens("x").may_come


def test_who_sends_no_cookie_is_told_of_plain_http() -> None:
    [without, with_] = [str(CsrfRules().refused_token(None, has_cookie=has_cookie)) for has_cookie in (False, True)]

    assert "cookie=Cookie(secure=False)" in without
    assert "Cookie" not in with_


def test_another_id_takes_the_cookie_away() -> None:
    [cookie] = tokens(OTHER).set_cookies(visitor(is_stored=True, has_new_id=True))

    assert cookie.startswith("__Host-csrf=; Path=/; Max-Age=0;")


def test_after_a_logout_tokens_are_bound_to_a_new_cookie() -> None:
    of_request, after = tokens(OTHER), visitor(mint(), has_new_id=True)
    made = of_request.token(after)

    [cookie] = of_request.set_cookies(after)
    assert not is_bound(made, [OTHER])
    assert is_bound(made, [cookie.removeprefix("__Host-csrf=").partition(";")[0]])


def test_a_cookie_that_was_made_before_a_login_is_not_set_after_it() -> None:
    of_request = tokens()
    of_request.token(visitor())

    assert of_request.set_cookies(visitor(mint(), is_stored=True, has_new_id=True)) == []


def test_once_the_response_has_begun_no_cookie_is_promised() -> None:
    of_request = tokens()
    of_request.is_begun = True

    with pytest.raises(SessionClosedError, match="make the token before"):
        of_request.token(visitor())


@pytest.mark.parametrize(
    ("cookie", "name"),
    [
        (Cookie(), "__Host-csrf"),
        (Cookie(secure=False), "csrf"),
        (Cookie(domain="shop.example"), "__Host-csrf"),
        (Cookie(path="/shop"), "__Host-csrf"),
        (Cookie(name="__Host-admin"), "__Host-admin-csrf"),
        (Cookie(name="__secure-admin"), "__Host-admin-csrf"),
        (Cookie(name="admin", secure=False), "admin-csrf"),
    ],
)
def test_the_cookie_has_a_name_of_its_own_and_is_for_this_host_alone(cookie: Cookie, name: str) -> None:
    beside = cookie_beside(cookie)

    assert (beside.name, beside.domain, beside.path) == (name, None, "/")


def test_the_cookie_goes_where_that_of_the_visit_goes() -> None:
    embedded = cookie_beside(Cookie(same_site="none", partitioned=True))
    strict = cookie_beside(Cookie(same_site="strict"))

    assert (embedded.same_site, embedded.partitioned) == ("none", True)
    assert (strict.same_site, strict.partitioned) == ("lax", False)
