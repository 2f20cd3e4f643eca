"""Who may log in. A real shop has a table, and counts the tries that failed."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Person:
    """A customer. The password is kept as scrypt makes it."""

    name: str
    full_name: str
    address: str
    salt: bytes
    password: bytes


def hashed(password: str, salt: bytes) -> bytes:
    """Costs a guesser 16 MiB and some tenths of a second (OWASP Password Storage Cheat Sheet: N=2^14, r=8, p=5)."""
    return hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=5, maxmem=2**26, dklen=32)


ADA = Person(
    name="ada",
    full_name="Ada Lovelace",
    address="12 St James's Square, London",
    salt=bytes.fromhex("f8816b2fe8dfd6d39c9fb97d07b85217"),
    password=bytes.fromhex("2e4adf9d1883776671ca051faff0208303e8dad1e2c4471add189352262e75fc"),
)
GRACE = Person(
    name="grace",
    full_name="Grace Hopper",
    address="1 Navy Yard, Washington",
    salt=bytes.fromhex("eca5583c4b4b6a2c951b80ff39066c8f"),
    password=bytes.fromhex("8bea9d031b0fd361a0ea6b2e97a2518571fd27c333503e8fae357d2ed401e4be"),
)
PEOPLE: Mapping[str, Person] = {person.name: person for person in (ADA, GRACE)}


def checked(name: str, password: str) -> Person | None:
    """The person, if the password is theirs. An unknown name takes as long, so that nobody learns who is a customer."""
    person = PEOPLE.get(name)
    other = ADA if person is None else person
    is_theirs = hmac.compare_digest(hashed(password, other.salt), other.password)
    return person if is_theirs else None
