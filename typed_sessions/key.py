"""Which session: a model's name and a text that is the same on every database."""

import hashlib
import os
import re
from collections.abc import Iterable
from typing import NamedTuple, TypeAlias
from urllib.parse import unquote

from typed_sessions.errors import InvalidKeyError

KeyPart: TypeAlias = str | int

MAX_KEY_CHARACTERS = 255
# The column has 64; the rest is room for suffixes such as that of a session that was reset.
MAX_NAME_CHARACTERS = 56
SEPARATOR = "/"

# Not a secret of the application: it only keeps the tags in logs from being looked up in a table.
_SALT = os.urandom(16)
_NAME = re.compile(rf"[A-Za-z][A-Za-z0-9_.-]{{0,{MAX_NAME_CHARACTERS - 1}}}\Z")
_TOO_LONG = 10**MAX_KEY_CHARACTERS
_ESCAPES = str.maketrans({"%": "%25", SEPARATOR: "%2F"})


class SessionKey(NamedTuple):
    """A session's place in a store: `model`, the name of its session model, and `text`.

    `text` holds the parts of the key joined by `/`. A `/` or `%` inside a part is percent-encoded, so that
    different tuples never meet: `("a", "b/c")` is `a/b%2Fc` and `("a/b", "c")` is `a%2Fb/c`. A space at the
    end of a part is encoded too, because MariaDB ignores it at the end of a key.

    Make one with `SessionKey.of`. Its `repr` and the errors show a salted hash, never the text.
    """

    # A tuple, because every turn looks its key up in half a dozen dicts: the hash of a dataclass takes a tenth of it.
    model: str
    """The name of its session model."""
    text: str
    """Its parts, encoded and joined."""

    @classmethod
    def of(cls, model: str, key: "KeyLike", /) -> "SessionKey":
        """The key of a session of the model named `model`.

        Raises:
            InvalidKeyError: it is empty, longer than 255 characters once encoded, holds a NUL or a lone
                surrogate, is no string, int or tuple of these, or is a key of another model.
        """
        if isinstance(key, SessionKey):
            return _own(model, key)
        return cls(model, key_text(key))

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts that the key was made of, decoded."""
        return tuple(unquote(part) for part in self.text.split(SEPARATOR))

    @property
    def tag(self) -> str:
        """A short salted hash to tell keys apart in logs; another one in every process."""
        return hashlib.blake2b(f"{self.model}\0{self.text}".encode(), key=_SALT, digest_size=4).hexdigest()

    def __str__(self) -> str:
        return f"{self.model} #{self.tag}"

    def __repr__(self) -> str:
        return f"<SessionKey {self}>"


TextLike: TypeAlias = str | int | tuple[KeyPart, ...]
"""An owner, or the first parts of a key."""

KeyLike: TypeAlias = str | int | tuple[KeyPart, ...] | SessionKey
"""What a user may give as a key: a string, an int (the same as its decimal text), a tuple of both, or a key."""


def _own(model: str, key: SessionKey) -> SessionKey:
    if key.model != model:
        raise InvalidKeyError(f"it is a key of the session model {key.model!r}, not of {model!r}; open that model")
    if key_text(key.parts) != key.text:
        raise InvalidKeyError("its text is not as SessionKey.of writes it; make it with SessionKey.of")
    return key


def key_text(key: TextLike, /) -> str:
    """The text that is stored for a key, an owner or a prefix.

    Raises:
        InvalidKeyError: as `SessionKey.of`.
    """
    # A SessionKey is a tuple too, but its model and text are no parts.
    parts: Iterable[object] = key if isinstance(key, tuple) and type(key) is not SessionKey else (key,)
    text = SEPARATOR.join(map(_encoded, parts))
    if not text:
        raise InvalidKeyError("it is empty; give at least one character")
    if len(text) > MAX_KEY_CHARACTERS:
        raise InvalidKeyError(
            f"it has {len(text)} characters and at most {MAX_KEY_CHARACTERS} can be stored; hash the long part"
        )
    return text


def text_of(given: TextLike | None) -> str | None:
    """What is stored for an owner or compared with a prefix."""
    return None if given is None else key_text(given)


def is_model_name(name: str) -> bool:
    """Whether a session model may be called `name`: a letter, then letters, digits, `_`, `.`, `-`, at most 56."""
    return _NAME.match(name) is not None


def _encoded(part: object) -> str:
    if isinstance(part, bool) or not isinstance(part, str | int):
        raise InvalidKeyError(f"a part of it is of type {type(part).__name__}; use str or int")
    text = _plain(part)
    if text.isalnum() and text.isascii():
        return text  # as most are
    if "\0" in text:
        raise InvalidKeyError("it holds a NUL character, which databases cannot keep; remove it")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidKeyError("it holds a lone surrogate, which is not text; decode the bytes it came from first")
    encoded = text.translate(_ESCAPES)
    return encoded[:-1] + "%20" if encoded.endswith(" ") else encoded


def _plain(part: str | int) -> str:
    # Not str(): an enum's `str` is the name of its member, and not the same in every version of Python.
    if isinstance(part, str):
        return str.__str__(part)
    if not -_TOO_LONG < part < _TOO_LONG:
        raise InvalidKeyError(f"it is an int of more than {MAX_KEY_CHARACTERS} digits; hash it")
    return int.__repr__(part)
