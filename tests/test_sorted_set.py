import subprocess
import sys

from typed_sessions import SessionConfig, SessionModel, SortedSet
from typed_sessions.shapes.canonical import is_same
from typed_sessions.shapes.stored import stored_schema


class Tagged(SessionModel):
    session_config = SessionConfig(name="tagged")

    tags: SortedSet[str] = set()
    numbers: SortedSet[int | str] = set()


class Plain(SessionModel):
    session_config = SessionConfig(name="plain")

    tags: set[str] = set()
    numbers: set[int | str] = set()


SCRIPT = """
from tests.test_sorted_set import Tagged
print(Tagged(tags=set("zyxwvutsr"), numbers={10, 9, "a"}).model_dump_json(round_trip=True))
"""


def test_every_process_stores_it_in_the_same_order() -> None:
    printed = {
        subprocess.run(
            [sys.executable, "-c", SCRIPT], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in "1234"
    }

    assert printed == {'{"tags":["r","s","t","u","v","w","x","y","z"],"numbers":["a",10,9]}\n'}


def test_it_is_a_set_to_the_handler() -> None:
    read = Tagged.model_validate_json('{"tags": ["b", "a"], "numbers": []}')

    assert read.tags == {"a", "b"}
    assert read.model_dump() == {"tags": {"a", "b"}, "numbers": set()}


def test_it_stores_what_a_plain_set_does() -> None:
    assert is_same(stored_schema(Tagged), stored_schema(Plain))
