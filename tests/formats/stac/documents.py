"""Items of every version of STAC, written after the published specification, and what PySTAC makes of them.

No package carries real ones of the old versions. So there is one for each rule that a version changed, in the words of
the item specification and of the extensions (`eo`, `sar`, `view`, `projection`, `label`, `checksum`, `datetime-range`).
"""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from pystac.serialization import identify_stac_object, migrate_to_latest

from tests.formats.sample import Sample
from typed_sessions import JsonObject

POINT = {"type": "Point", "coordinates": [8.54, 47.37]}
LINKS = [{"rel": "self", "href": "https://example.org/item.json", "type": "application/geo+json"}]
BANDS = [{"name": "B1", "common_name": "red", "center_wavelength": 0.65}, {"name": "B2", "common_name": "nir"}]
HOST = "https://stac-extensions.github.io/"

ITEMS: dict[str, tuple[list[str] | None, dict[str, Any], dict[str, Any]]] = {
    "0.8.0 bare": (None, {}, {}),
    "0.8.1 optical": (
        ["eo"],
        {
            "eo:platform": "landsat-8",
            "eo:instrument": "OLI",
            "eo:constellation": "landsat",
            "eo:gsd": 30,
            "eo:cloud_cover": 10,
            "eo:bands": BANDS,
        },
        {"B1": {"href": "b1.tif", "eo:bands": [0]}, "all": {"href": "all.tif", "eo:bands": [1, 0]}, "x": {"href": "x"}},
    ),
    "0.8.1 angles": (["eo"], {"eo:off_nadir": 3.5, "eo:sun_azimuth": 149.0, "eo:sun_elevation": 59, "eo:gsd": 15}, {}),
    "0.8.1 projected": (["eo"], {"eo:epsg": 32632, "eo:cloud_cover": 0}, {}),
    "0.8.1 radar": (
        ["sar", "sat"],
        {
            "sar:platform": "sentinel-1a",
            "sar:instrument": "c-sar",
            "sar:constellation": "sentinel-1",
            "sar:type": "GRD",
            "sar:polarization": "VV",
            "sat:orbit_state": "ascending",
        },
        {},
    ),
    "0.8.1 range": (
        ["datetime-range"],
        {"dtr:start_datetime": "2019-01-01T00:00:00Z", "dtr:end_datetime": "2019-01-02T00:00:00Z"},
        {},
    ),
    "0.8.1 commons": (["commons", "scientific"], {"sci:doi": "10.5061/dryad"}, {}),
    "0.8.1 both names": (["eo"], {"eo:platform": "old", "platform": "new", "eo:bands": []}, {"a": {"href": "a"}}),
    "0.8.1 labels": (["label"], {"label:property": None, "label:task": ["detection"], "label:type": "raster"}, {}),
    "0.9.0 optical": (
        ["eo", "view"],
        {"platform": "landsat-8", "instruments": ["oli"], "eo:gsd": 30, "view:off_nadir": 1, "eo:bands": BANDS},
        {"B1": {"href": "b1.tif", "roles": ["data"], "eo:bands": [0]}},
    ),
    "0.9.0 projected": (
        ["projection", "eo"],
        {"proj:epsg": 32632, "eo:cloud_cover": 1.5},
        {"a": {"href": "a", "proj:epsg": 4326}, "b": {"href": "b", "proj:shape": [1, 2]}},
    ),
    "0.9.0 checksums": (
        ["checksum"],
        {"checksum:multihash": "1220aa"},
        {"a": {"href": "a", "checksum:multihash": "1220bb"}, "b": {"href": "b"}},
    ),
    "0.9.0 labels": (["label", "version"], {"label:method": ["manual"], "label:overview": [], "version": "1"}, {}),
    "0.9.0 licensed": (["timestamps"], {"license": "proprietary", "published": "2020-01-01T00:00:00Z"}, {}),
    "1.0.0 projected": (
        [HOST + "projection/v1.1.0/schema.json", HOST + "eo/v1.0.0/schema.json"],
        {"proj:epsg": 3857, "eo:cloud_cover": 3},
        {"a": {"href": "a", "roles": ["data"], "eo:bands": BANDS}},
    ),
    "1.0.0 licensed": ([], {"license": "various"}, {}),
    "1.0.0 of others": (["https://example.org/mine.json"], {"mine:thing": {"deep": [1, None]}}, {}),
    "1.0.0-beta.2 short names": (["view", "proj"], {"proj:epsg": None, "view:azimuth": 1}, {}),
    "1.1.0 bare": ([], {"license": "other"}, {"a": {"href": "a", "bands": [{"name": "B1"}]}}),
}
"""By version and what it shows: the extensions, the properties beside the time, the assets."""
VERSIONS = {"0.8": 1, "0.9": 2, "1.0": 3, "1.1": 4}
"""Of the session model, by the version of the format."""


def samples() -> Iterator[Sample]:
    for name in ITEMS:
        number = name.partition(" ")[0]
        yield Sample(name, VERSIONS[number[:3]], _item(name, number))


def upgraded(sample: Sample) -> JsonObject:
    """What PySTAC's own migration makes of it."""
    document = deepcopy(sample.data)
    return seen(migrate_to_latest(document, identify_stac_object(document)))


def seen(document: JsonObject) -> JsonObject:
    """With the extensions in alphabetical order: PySTAC's is that of its installed parts."""
    return {**document, "stac_extensions": sorted(document["stac_extensions"])}


def _item(name: str, number: str) -> JsonObject:
    extensions, properties, assets = ITEMS[name]
    listed = {} if extensions is None else {"stac_extensions": extensions}
    return {
        "type": "Feature", "stac_version": number, **listed, "id": name, "geometry": POINT,
        "bbox": [8.54, 47.37, 8.54, 47.37], "properties": {"datetime": "2020-01-01T12:00:00Z", **properties},
        "links": LINKS, "assets": assets, "collection": "examples", "somebody:own": {"kept": True},
    }  # fmt: skip
