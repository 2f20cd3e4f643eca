"""The steps by which older versions of the session stac_item become the next."""

from collections.abc import Mapping
from typing import Any, cast

from tests.formats.stac._frozen import stac_item as frozen

COMMON = {
    "dtr:start_datetime": "start_datetime",
    "dtr:end_datetime": "end_datetime",
    "eo:platform": "platform",
    "eo:constellation": "constellation",
    "eo:epsg": "proj:epsg",
    "sar:platform": "platform",
    "sar:constellation": "constellation",
    "sar:type": "sar:product_type",
}
"""Names in 0.8, and what they are called since."""
LISTED = {"eo:instrument": "instruments", "sar:instrument": "instruments", "sar:polarization": "sar:polarizations"}
"""The same, of one that became several."""
VIEWED = {
    f"eo:{name}": f"view:{name}" for name in ("off_nadir", "azimuth", "incidence_angle", "sun_azimuth", "sun_elevation")
}
PLURAL = {
    "eo:gsd": "gsd",
    "label:property": "label:properties",
    "label:task": "label:tasks",
    "label:overview": "label:overviews",
    "label:method": "label:methods",
}
"""Names before 1.0, and what they are called since."""
ADDRESSES = {
    "eo": "eo/v1.1.0",
    "file": "file/v2.1.0",
    "label": "label/v1.0.1",
    "proj": "projection/v2.0.0",
    "projection": "projection/v2.0.0",
    "sar": "sar/v1.0.0",
    "sat": "sat/v1.0.0",
    "scientific": "scientific/v1.0.0",
    "timestamps": "timestamps/v1.1.0",
    "version": "version/v1.2.0",
    "view": "view/v1.0.0",
}
GONE = {"commons", "datetime-range", "dtr"}
HOST = "https://stac-extensions.github.io/"


class StacItemHistory(frozen.Upcasts):
    """What is stored is never changed in place: each step makes the next version of it."""

    @staticmethod
    def v1_to_v2(old: frozen.V1, /) -> frozen.V2:
        """Common fields left their extensions (STAC 0.9)."""
        before = old["properties"]
        after = renamed(before, COMMON | VIEWED | LISTED)
        lists = {new: [before[name]] for name, new in LISTED.items() if name in before and new not in before}
        view = ["view"] if VIEWED.keys() & before.keys() else []
        projection = ["projection"] if "eo:epsg" in before else []
        kept = [name for name in old.get("stac_extensions") or [] if name not in GONE]
        return {
            **old,
            "stac_version": "0.9.0",
            "stac_extensions": joined(kept, view, projection),
            "properties": {**after, **lists},
            # An asset is open: it may hold roles already, as somebody's own.
            "assets": cast("dict[str, frozen.V2Asset]", old["assets"]),
        }

    @staticmethod
    def v2_to_v3(old: frozen.V2, /) -> frozen.V3:
        """Bands lie in the assets, extensions are listed (STAC 1.0)."""
        bands = old["properties"].get("eo:bands", [])
        extensions = ["file" if name == "checksum" else name for name in old.get("stac_extensions") or []]
        return {
            **old,
            "stac_version": "1.0.0",
            "stac_extensions": joined(extensions),
            "properties": checked(renamed(old["properties"], PLURAL)),
            "assets": {name: asset_v3(asset, bands) for name, asset in old["assets"].items()},
        }

    @staticmethod
    def v3_to_v4(old: frozen.V3, /) -> frozen.V4:
        """Projections are codes, extensions are addresses (STAC 1.1)."""
        properties = coded(old["properties"])
        if properties.get("license") in ("proprietary", "various"):
            properties["license"] = "other"
        return {
            **old,
            "stac_version": "1.1.0",
            "stac_extensions": joined([address(name) for name in old["stac_extensions"]]),
            "properties": properties,
            "assets": {name: cast("frozen.V2Asset", coded(asset)) for name, asset in old["assets"].items()},
        }


def renamed(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The values under their new names. What lies there already stays, and the old one beside it."""
    moved = {old: new for old, new in names.items() if old in values and new not in values}
    kept = {name: value for name, value in values.items() if name not in moved}
    return kept | {new: values[old] for old, new in moved.items() if old not in LISTED}


def joined(*names: list[str]) -> list[str]:
    return list(dict.fromkeys(name for each in names for name in each))


def asset_v3(asset: frozen.V2Asset, bands: list[Any]) -> frozen.V2Asset:
    """With the bands themselves in place of their numbers."""
    values = checked(asset)
    numbers = values.get("eo:bands", [])
    if bands and numbers:
        values["eo:bands"] = [bands[number] for number in numbers]
    return cast("frozen.V2Asset", values)


def checked(values: Mapping[str, Any]) -> dict[str, Any]:
    """With the checksum under its new name too."""
    return {**values, "file:checksum": values["checksum:multihash"]} if "checksum:multihash" in values else {**values}


def coded(values: Mapping[str, Any]) -> dict[str, Any]:
    """With the code of a projection in place of its number at EPSG."""
    kept = {name: value for name, value in values.items() if name != "proj:epsg"}
    return {"proj:code": f"EPSG:{values['proj:epsg']}", **kept} if values.get("proj:epsg") else kept


def address(extension: str) -> str:
    """Of the newest version of an extension that was named by a word or by an older address."""
    name = extension.removeprefix(HOST).partition("/")[0]
    return f"{HOST}{ADDRESSES[name]}/schema.json" if name in ADDRESSES else extension
