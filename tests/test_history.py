from collections.abc import Callable
from typing import Any

import pytest

from typed_sessions import History, JsonObject, SessionDefinitionError


class Complete(History):
    @staticmethod
    def v1_to_v2(old: JsonObject, /) -> JsonObject:
        return {**old, "b": 1}

    @classmethod
    def v2_to_v3(cls, old: JsonObject, /) -> JsonObject:
        return {**old, "c": 2}

    def v3_to_v4(self, old: JsonObject, /) -> JsonObject:
        return {**old, "d": 3}


class Pruned(History):
    oldest = 2

    @staticmethod
    def v2_to_v3(old: JsonObject, /) -> JsonObject:
        return old


def test_the_steps_stand_in_order() -> None:
    assert [step.name for step in Complete().chain(4)] == [
        "Complete.v1_to_v2",
        "Complete.v2_to_v3",
        "Complete.v3_to_v4",
    ]


def test_steps_may_be_static_class_or_plain_methods() -> None:
    data: object = {"a": 0}
    for step in Complete().chain(4):
        data = step.upcast(data)  # type: ignore[arg-type]  # each step gives the JSON object of the next

    assert data == {"a": 0, "b": 1, "c": 2, "d": 3}


def test_version_one_needs_no_steps() -> None:
    assert History().chain(1) == ()


def test_a_history_may_begin_later() -> None:
    assert [step.source for step in Pruned().chain(3)] == [2]


def test_steps_may_be_inherited() -> None:
    class Longer(Pruned):
        @staticmethod
        def v3_to_v4(old: JsonObject, /) -> JsonObject:
            return old

    assert [step.source for step in Longer().chain(4)] == [2, 3]


def test_a_missing_step_is_refused_by_its_name() -> None:
    with pytest.raises(SessionDefinitionError, match="Pruned lacks v3_to_v4, v4_to_v5; write it"):
        Pruned().chain(5)


def test_a_step_past_the_version_is_refused() -> None:
    with pytest.raises(SessionDefinitionError, match="Complete has v3_to_v4, which no session"):
        Complete().chain(3)


def test_a_step_from_before_the_oldest_version_is_refused() -> None:
    class TooLong(Complete):
        oldest = 2

    with pytest.raises(SessionDefinitionError, match="TooLong has v1_to_v2"):
        TooLong().chain(4)


@pytest.mark.parametrize("oldest", [0, 3])
def test_an_oldest_version_that_does_not_exist_is_refused(oldest: int) -> None:
    history = type("Odd", (History,), {"oldest": oldest})()

    with pytest.raises(SessionDefinitionError, match="1 <= oldest <= 2"):
        history.chain(2)


@pytest.mark.parametrize("name", ["v1_to_v3", "v2_to_v1", "v1_v2", "v1to2", "v01_to_v02", "v0_to_v1", "_v1_to_v2"])
def test_a_misnamed_step_is_refused(name: str) -> None:
    history = type("Odd", (History,), {name: staticmethod(dict)})()

    with pytest.raises(SessionDefinitionError, match=f"{name} is no step; name it like v1_to_v2"):
        history.chain(2)


def test_a_step_that_does_io_is_refused() -> None:
    class Waiting(History):
        @staticmethod
        async def v1_to_v2(old: JsonObject, /) -> JsonObject:
            return old

    with pytest.raises(SessionDefinitionError, match="must be a plain function"):
        Waiting().chain(2)


def test_a_step_that_was_not_made_static_is_refused() -> None:
    class Forgetful(History):
        def v1_to_v2(old: JsonObject) -> JsonObject:  # type: ignore[misc]  # noqa: N805 # the very mistake
            return old

    with pytest.raises(SessionDefinitionError, match="must take one argument"):
        Forgetful().chain(2)


def test_a_step_without_a_signature_is_refused() -> None:
    class Builtin(History):
        v1_to_v2: Callable[..., JsonObject] = staticmethod(dict[str, Any])

    with pytest.raises(SessionDefinitionError, match="must take one argument"):
        Builtin().chain(2)
