"""The token in a form, whatever the form looks like."""

import time
from collections.abc import Sequence

import pytest

from typed_sessions.integrations.web.forms import LIMIT, field, is_form

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=b"


def part(name: str, value: str, *, boundary: str = "b", more: str = "") -> bytes:
    return f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{value}\r\n'.encode()


def found(body: bytes, content_type: str = URLENCODED, *, is_whole: bool = True) -> str | None:
    return field("csrf_token", body, content_type, is_whole=is_whole)


@pytest.mark.parametrize(
    "body",
    [
        b"csrf_token=abc",
        b"sku=1&csrf_token=abc",
        b"&&&csrf_token=abc&",
        b"csrf_token=abc&sku=1",
        b"csrf%5Ftoken=%61bc",
        b"csrf_token=abc&csrf_token=def",
        b"=&csrf_token=abc",
        b"a=\xff\x00&csrf_token=abc",
        b"xcsrf_token=no&csrf_token=abc",
        b"sku=csrf_token=no&csrf_token=abc",
    ],
)
def test_the_first_field_of_the_name_counts(body: bytes) -> None:
    assert found(body) == "abc"


@pytest.mark.parametrize("body", [b"", b"sku=1", b"CSRF_TOKEN=abc", b" csrf_token=abc", b"sku=1;csrf_token=abc"])
def test_a_field_of_another_name_does_not_count(body: bytes) -> None:
    assert found(body) is None


@pytest.mark.parametrize("body", [b"csrf_token", b"csrf_token="])
def test_an_empty_field_is_empty(body: bytes) -> None:
    assert found(body) == ""


def test_a_field_that_may_be_cut_off_does_not_count() -> None:
    assert found(b"sku=1&csrf_token=ab", is_whole=False) is None
    assert found(b"csrf_token=abc&sku=", is_whole=False) == "abc"


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (MULTIPART, part("csrf_token", "abc") + b"--b--\r\n"),
        (MULTIPART, b"preamble\r\n" + part("sku", "1") + part("csrf_token", "abc") + b"--b--\r\n"),
        (MULTIPART, part("csrf_token", "abc") + part("csrf_token", "def") + b"--b--\r\n"),
        (MULTIPART, part("csrf_token", "abc", more="; x=y\r\nContent-Type: text/plain") + b"--b--\r\n"),
        (MULTIPART, part("file", "\r\n\r\n--bb--\r\n", more='; filename="a"') + part("csrf_token", "abc") + b"--b--"),
        ('Multipart/Form-Data; charset=utf-8; Boundary="b"', part("csrf_token", "abc") + b"--b--\r\n"),
        (MULTIPART, b"--b\r\ncontent-disposition:form-data;name=csrf_token\r\n\r\nabc\r\n--b--"),
        (f"multipart/form-data; boundary={'-' * 70}", part("csrf_token", "abc", boundary="-" * 70) + b"--" + b"-" * 70),
    ],
)
def test_a_part_of_the_name_counts(content_type: str, body: bytes) -> None:
    assert found(body, content_type) == "abc"


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", part("csrf_token", "abc") + b"--b--\r\n"),
        ("multipart/form-data; boundary=", part("csrf_token", "abc", boundary="") + b"----\r\n"),
        ("multipart/form-data; boundary=c", part("csrf_token", "abc") + b"--b--\r\n"),
        (MULTIPART, part("csrf_token", "abc")),
        (MULTIPART, b'--b\r\nContent-Disposition: form-data; name="csrf_token"\r\nabc\r\n--b--'),
        (MULTIPART, b"--b\r\n\r\nabc\r\n--b--"),
        (MULTIPART, part("x", 'Content-Disposition: form-data; name="csrf_token"\r\n\r\nabc') + b"--b--"),
        (f"multipart/form-data; boundary={'-' * 71}", part("csrf_token", "abc", boundary="-" * 71) + b"--" + b"-" * 71),
        (MULTIPART, b"csrf_token=abc"),
    ],
)
def test_what_is_no_part_of_the_name_does_not_count(content_type: str, body: bytes) -> None:
    assert found(body, content_type) is None


@pytest.mark.parametrize(
    "content_types",
    [[URLENCODED], [MULTIPART], ["APPLICATION/x-www-form-urlencoded ; charset=utf-8"], ["multipart/form-data"]],
)
def test_forms_are_known_by_their_type(content_types: Sequence[str]) -> None:
    assert is_form(content_types)


@pytest.mark.parametrize(
    "content_types",
    [
        [],
        [""],
        ["text/plain"],
        ["application/json"],
        ["multipart/mixed; boundary=b"],
        ["text/plain, application/x-www-form-urlencoded"],
        ["text/plain; application/x-www-form-urlencoded"],
        [URLENCODED, "text/plain"],
    ],
)
def test_nothing_else_is_a_form(content_types: Sequence[str]) -> None:
    assert not is_form(content_types)


HOSTILE = {
    "separators": (URLENCODED, b"&" * LIMIT),
    "escapes": (URLENCODED, b"%" * LIMIT),
    "many escaped fields": (URLENCODED, b"%63=&" * (LIMIT // 5)),
    "boundaries": (MULTIPART, b"\r\n--b" * (LIMIT // 5)),
    "a boundary that almost fits everywhere": (f"multipart/form-data; boundary={'-' * 70}", b"\r\n" + b"-" * LIMIT),
    "heads": (MULTIPART, b"--b\r\n" + b"Content-Disposition: form-data;" * (LIMIT // 31) + b"\r\n\r\n\r\n--b--"),
    "parameters": (MULTIPART, b"--b\r\nContent-Disposition: form-data" + b";name" * 13_000 + b"\r\n\r\n\r\n--b--"),
    "a long type": (MULTIPART + ";boundary" * 7_000, b""),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_form_is_read_in_no_time(name: str) -> None:
    content_type, body = HOSTILE[name]
    begun = time.process_time()

    assert found(body, content_type) is None
    assert time.process_time() - begun < 0.2
