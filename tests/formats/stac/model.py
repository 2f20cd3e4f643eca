"""Items of a SpatioTemporal Asset Catalog, STAC 1.1: what somebody recorded of a place at a time."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from tests.formats.absent import Maybe
from tests.formats.stac.stac_item_history import StacItemHistory
from typed_sessions import SessionConfig, SessionModel


class Link(BaseModel):
    model_config = ConfigDict(extra="allow")

    rel: str
    href: str
    type: Maybe[str] = None
    title: Maybe[str] = None


class Asset(BaseModel):
    """A file. Extensions add keys such as `eo:bands`."""

    model_config = ConfigDict(extra="allow")

    href: str
    title: Maybe[str] = None
    type: Maybe[str] = None
    roles: Maybe[list[str]] = None


class StacItem(SessionModel):
    """An item; a new one is nowhere."""

    model_config = ConfigDict(extra="allow")
    session_config = SessionConfig(name="stac_item", version=4, history=StacItemHistory())

    type: Literal["Feature"] = "Feature"
    stac_version: Annotated[str, Field(pattern="^1\\.1\\.[0-9]+$")] = "1.1.0"
    stac_extensions: list[str] = []
    id: str = ""
    geometry: dict[str, Any] | None = None
    bbox: Maybe[list[float]] = None
    properties: dict[str, Any] = {}
    links: list[Link] = []
    assets: dict[str, Asset] = {}
    collection: Maybe[str] = None
