"""Public formats with real histories: each real document becomes what the format's own upgrader makes of it."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from tests.formats.cyclonedx import documents as materials
from tests.formats.cyclonedx.model import Cyclonedx
from tests.formats.notebook import documents as notebooks
from tests.formats.notebook.model import Notebook
from tests.formats.sample import Sample
from tests.formats.stac import documents as items
from tests.formats.stac.model import StacItem
from typed_sessions import (
    InvalidSessionError,
    JsonObject,
    MemoryStore,
    Record,
    SessionKey,
    SessionModel,
    Sessions,
    UpcastError,
)
from typed_sessions.json_kinds import is_array, is_object
from typed_sessions.stores.protocol import Insert
from typed_sessions.testing import check_golden, fuzz_history

FOLDER = Path(__file__).parent / "formats"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def as_it_is(session: JsonObject) -> JsonObject:
    return session


@dataclass(frozen=True, slots=True)
class Format:
    """A public format: its newest version as a session model, and its own library's view of it."""

    model: type[SessionModel]
    samples: Callable[[], Iterator[Sample]]
    upgraded: Callable[[Sample], JsonObject]
    seen: Callable[[JsonObject], JsonObject] = as_it_is
    """How its library sees a document of the newest version."""


FORMATS = {
    "cyclonedx": Format(Cyclonedx, materials.samples, materials.upgraded, materials.seen),
    "notebook": Format(Notebook, notebooks.samples, notebooks.upgraded),
    "stac_item": Format(StacItem, items.samples, items.upgraded, items.seen),
}


CONVERTED = frozenset({"$schema", "specVersion", "identity", "timestamp"})
"""The keys of a bill of materials that a step changes, and times, of which `+00:00` becomes `Z`."""


async def stored(store: MemoryStore, model: type[SessionModel], sample: Sample) -> SessionKey:
    """The key under which the document now lies."""
    key = SessionKey(model.session_config.name, sample.name)
    await store.save([Insert(key, Record(sample.version, sample.version, 1, to_json(sample.data), NOON, NOON))])
    return key


async def upcast(model: type[SessionModel], sample: Sample) -> JsonObject:
    """What is stored of a document after a turn that changed nothing."""
    store = MemoryStore()
    key = await stored(store, model, sample)
    async with Sessions(store).open(model, sample.name):
        pass
    record = (await store.load([key]))[key]
    assert record.version == model.session_config.version
    found: JsonObject = json.loads(record.data)
    return found


def misfit(model: type[SessionModel], sample: Sample) -> str | None:
    """Why a document is no session of its version."""
    shape = model.session_config.history.shapes[sample.version]
    try:
        TypeAdapter[object](shape).validate_json(to_json(sample.data), strict=True)
    except ValidationError as error:
        return str(error)
    return None


def without(names: frozenset[str], value: object) -> object:
    """A JSON value without some keys, wherever they are."""
    if is_object(value):
        return {name: without(names, child) for name, child in value.items() if name not in names}
    return [without(names, child) for child in value] if is_array(value) else value


@pytest.mark.parametrize("name", FORMATS)
def test_every_document_has_the_frozen_shape_of_its_version(name: str) -> None:
    tested = FORMATS[name]

    assert {each.name: found for each in tested.samples() if (found := misfit(tested.model, each))} == {}


@pytest.mark.parametrize("name", FORMATS)
async def test_every_document_becomes_what_the_formats_own_upgrader_makes_of_it(name: str) -> None:
    tested = FORMATS[name]
    samples = list(tested.samples())

    differing = [each for each in samples if tested.seen(await upcast(tested.model, each)) != tested.upgraded(each)]
    assert [each.name for each in differing] == []


@pytest.mark.parametrize("name", FORMATS)
def test_there_are_documents_of_every_version(name: str) -> None:
    tested = FORMATS[name]
    config = tested.model.session_config

    assert {each.version for each in tested.samples()} == set(range(config.history.oldest, config.version + 1))


@pytest.mark.parametrize("name", FORMATS)
def test_golden_samples_become_what_they_should(name: str) -> None:
    check_golden(FORMATS[name].model)


@pytest.mark.parametrize("name", FORMATS)
def test_random_data_of_every_version_arrives(name: str) -> None:
    fuzz_history(FORMATS[name].model, examples=30)


async def test_a_bill_that_satisfies_its_published_schema_satisfies_the_newest() -> None:
    valid = [each for each in materials.samples() if materials.is_valid(each.data["document"])]

    newest = {each.name: (await upcast(Cyclonedx, each))["document"] for each in valid}
    assert [name for name, document in newest.items() if not materials.is_valid(document)] == []


async def test_an_upcast_bill_keeps_what_its_library_drops() -> None:
    samples = list(materials.samples())

    kept = [without(CONVERTED, await upcast(Cyclonedx, each)) for each in samples]
    assert kept == [without(CONVERTED, each.data) for each in samples]


async def test_no_two_cells_of_an_upcast_notebook_have_the_same_id() -> None:
    older = [each for each in notebooks.samples() if each.version < notebooks.OLDEST_WITH_IDS]

    found = [[cell["id"] for cell in (await upcast(Notebook, each))["cells"]] for each in older]
    assert [len(ids) for ids in found] == [len(set(ids)) for ids in found]


async def test_a_notebook_that_its_library_refuses_is_refused_and_stays_as_it_is() -> None:
    refused = list(notebooks.invalid())
    store = MemoryStore()

    for each in refused:
        key = await stored(store, Notebook, each)
        with pytest.raises((InvalidSessionError, UpcastError)):
            await Sessions(store).load(Notebook, each.name)
        assert (await store.load([key]))[key].data == to_json(each.data)
    assert len(refused) == 5


def test_the_formats_are_as_they_were_frozen() -> None:
    checked = subprocess.run(
        [sys.executable, "-c", "from typed_sessions.cli import main; main()", "check"],
        cwd=FOLDER, check=False, capture_output=True, text=True,
    )  # fmt: skip

    assert checked.returncode == 0, checked.stdout + checked.stderr
