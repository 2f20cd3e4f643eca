"""The scenes that a user may go back to, in an FSM with a model: each is a record of it, and ages as it does."""

from collections.abc import Callable
from dataclasses import replace
from types import GenericAlias
from typing import ClassVar, Literal

from pydantic import create_model

from typed_sessions.history import History, JsonObject, Step
from typed_sessions.integrations.aiogram.fsm_session import FsmSession
from typed_sessions.model import SessionConfig

SCENES_SUFFIX = ".scenes"


def scenes_of(model: type[FsmSession], /) -> type[FsmSession]:
    """The model of the scenes of `model`.

    aiogram keeps them as `{"history": [{"state": …, "data": …}]}`, which is a list of records of `model`, so its steps
    bring each of them along.

    Raises:
        SessionDefinitionError: the name of `model` is too long to take `.scenes`.
    """
    config = model.session_config
    own = replace(
        config,
        name=config.name + SCENES_SUFFIX,
        history=_history_of(config),
        readable_from=config.min_reader,
        initial=None,
    )
    records = GenericAlias(list, (model,))
    made: type[FsmSession] = create_model(
        f"{model.__name__}Scenes",
        __base__=FsmSession,
        __module__=model.__module__,
        session_config=(ClassVar[SessionConfig], own),
        data=(GenericAlias(dict, (Literal["history"], records)), {}),
    )
    return made


def _history_of(config: SessionConfig) -> History:
    class Scenes(History):
        oldest = config.history.oldest

        def chain(self, _version: int, /) -> tuple[Step, ...]:
            return tuple(replace(step, upcast=_for_each(step.upcast)) for step in config.steps)

    return Scenes()


def _for_each(upcast: Callable[[JsonObject], object]) -> Callable[[JsonObject], object]:
    def of_all(old: JsonObject) -> object:
        return {**old, "data": {name: list(map(upcast, scenes)) for name, scenes in old["data"].items()}}

    return of_all
