"""All that may ask for sessions below a router."""

from collections.abc import Iterable, Iterator
from inspect import unwrap

from aiogram import Router
from aiogram.dispatcher.event.handler import HandlerObject
from aiogram.dispatcher.event.telegram import TelegramEventObserver
from aiogram.fsm.scene import Scene, SceneHandlerWrapper, SceneRegistry

from typed_sessions.integrations.aiogram.askers import Asker, action_asker, callback_asker, filter_asker, handler_asker
from typed_sessions.integrations.aiogram.prepared import actions_of, filters_of


def observers_of(router: Router, /) -> Iterator[TelegramEventObserver]:
    """The observers of a router and of its routers."""
    return (observer for each in router.chain_tail for observer in each.observers.values())


def scenes_of(router: Router, /) -> set[type[Scene]]:
    """The scenes of the registries and of the handlers of a router and of its routers."""
    found: set[type[Scene]] = set()
    for observer in observers_of(router):
        found.update(scene for registry in _registries(observer) for scene in scenes_in(registry))
        found.update(scene for handler in observer.handlers if (scene := scene_of(handler)))
    return found


def scene_of(handler: HandlerObject, /) -> type[Scene] | None:
    """The scene that a handler is of."""
    callback = unwrap(handler.callback)
    return callback.scene if isinstance(callback, SceneHandlerWrapper) else None


def scenes_in(registry: SceneRegistry, /) -> Iterable[type[Scene]]:
    """The scenes of a registry."""
    return registry._scenes.values()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # it has no public name


def askers_of(router: Router, /) -> Iterator[Asker]:
    """All that may ask for sessions, each once."""
    for observer in observers_of(router):
        yield from map(handler_asker, observer.handlers)
        yield from map(filter_asker, filters_of(observer))
    for scene in scenes_of(router):
        yield from map(action_asker, actions_of(scene))
    for each in router.chain_tail:
        yield from map(callback_asker, (*each.startup.handlers, *each.shutdown.handlers))


def _registries(observer: TelegramEventObserver) -> Iterator[SceneRegistry]:
    """Those that give handlers their `scenes`."""
    for middleware in observer.outer_middleware:
        registry = getattr(middleware, "__self__", None)
        if isinstance(registry, SceneRegistry):
            yield registry
