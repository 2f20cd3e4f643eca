"""The Grafana dashboard asks for metrics and labels that a real scrape has."""

import asyncio
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from tests.architecture import ROOT
from tests.watched_carts import BROKEN, KEY, OLD, Cart, Kept
from typed_sessions import SessionConflictError, Sessions
from typed_sessions.integrations.otel import OpenTelemetry
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore

DASHBOARD = json.loads((ROOT / "docs" / "howto" / "grafana-dashboard.json").read_text())
QUERIES = [
    *(target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]),
    DASHBOARD["templating"]["list"][1]["query"]["query"],
]
PAGE = (ROOT / "docs" / "howto" / "observability.md").read_text()
ROW = re.compile(r"^\| `(typed_sessions\.[\w.]+)` \| `(\w+)` \|", re.MULTILINE)
NAME = re.compile(r"\btyped_sessions_\w+|\bdb_\w+")


@pytest.fixture
def provider() -> Iterator[MeterProvider]:
    """Its metrics are in the registry of Prometheus's own client."""
    provider = MeterProvider([PrometheusMetricReader()], shutdown_on_exit=False)
    yield provider
    provider.shutdown()


def scraped() -> dict[str, set[str]]:
    """The names of the series that Prometheus would see, and their labels."""
    return {
        sample.name: set(sample.labels)
        for family in text_string_to_metric_families(generate_latest(REGISTRY).decode())
        for sample in family.samples
        if sample.name.startswith("typed_sessions_")
    }


async def live(store: SQLAlchemyStore, provider: MeterProvider) -> None:
    """Let happen all that the dashboard shows."""
    sessions, others = Sessions(store, observer=OpenTelemetry(meter_provider=provider)), Sessions(store)
    await store.save([OLD])
    async with sessions.open(Cart, KEY, exclusive=True) as cart:
        cart.note = "ours"
        await others.save(KEY, Cart(count=7))
    with pytest.raises(SessionConflictError):
        async with sessions.open(Cart, KEY) as cart:
            cart.count = 8
            await others.save(KEY, Cart(count=9))
    await others.delete(Cart, KEY)
    await store.save([BROKEN])
    async with sessions.open(Kept, KEY) as kept:
        kept.count = 1


async def test_every_series_and_label_of_the_dashboard_is_one_of_ours(
    store: SQLAlchemyStore, provider: MeterProvider
) -> None:
    await live(store, provider)
    series = await asyncio.to_thread(scraped)

    asked = {name for query in QUERIES for name in NAME.findall(query)}
    labels = set[str]().union(*series.values())
    assert asked - series.keys() - labels == set()
    assert len(asked & series.keys()) == 12


async def test_every_label_is_one_of_its_own_series(store: SQLAlchemyStore, provider: MeterProvider) -> None:
    await live(store, provider)
    series = await asyncio.to_thread(scraped)

    for query in QUERIES:
        names = set(NAME.findall(query))
        [asked] = names & series.keys()
        assert names - {asked} <= series[asked], query


async def test_the_page_has_every_metric_by_the_names_of_both(store: SQLAlchemyStore, provider: MeterProvider) -> None:
    await live(store, provider)
    series = await asyncio.to_thread(scraped)

    kinds = re.compile(r"_(?:bucket|count|sum|created)$")
    assert {name for _, name in ROW.findall(PAGE)} == {kinds.sub("", name) for name in series}
    assert [ours for ours, name in ROW.findall(PAGE) if not name.startswith(ours.replace(".", "_"))] == []


def panels() -> list[dict[str, Any]]:
    return list(DASHBOARD["panels"])


def test_the_dashboard_asks_the_data_source_that_is_chosen() -> None:
    sources = [each["datasource"]["uid"] for panel in panels() for each in (panel, *panel["targets"])]

    assert set(sources) == {"${datasource}"}
    assert DASHBOARD["templating"]["list"][0]["type"] == "datasource"


def test_no_two_panels_share_a_place() -> None:
    places = [
        (panel["gridPos"]["x"] + column, panel["gridPos"]["y"] + row)
        for panel in panels()
        for column in range(panel["gridPos"]["w"])
        for row in range(panel["gridPos"]["h"])
    ]

    assert len(set(places)) == len(places)
    assert len({panel["id"] for panel in panels()}) == len(panels())
