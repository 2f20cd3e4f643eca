"""Bills of materials in the format CycloneDX 1.6.

Keys such as `bom-ref` are no names of Python, so that TypedDicts declare them. What is worth no type is a `Part`.
"""

from datetime import datetime
from typing import Annotated, Any, Literal, NotRequired, TypeAlias

from pydantic import Field
from typing_extensions import TypedDict

from tests.formats.cyclonedx.cyclonedx_history import CyclonedxHistory
from typed_sessions import SessionConfig, SessionModel

Part: TypeAlias = dict[str, Any]
Kind: TypeAlias = Literal[
    "application",
    "framework",
    "library",
    "container",
    "operating-system",
    "device",
    "firmware",
    "file",
    "platform",
    "device-driver",
    "machine-learning-model",
    "data",
    "cryptographic-asset",
]


class Evidence(TypedDict, closed=True):
    licenses: NotRequired[list[Part]]
    copyright: NotRequired[list[Part]]
    identity: NotRequired[list[Part] | Part]
    occurrences: NotRequired[list[Part]]
    callstack: NotRequired[Part]


Component = TypedDict(
    "Component",
    {
        "type": Kind,
        "name": str,
        "mime-type": NotRequired[str],
        "bom-ref": NotRequired[str],
        "supplier": NotRequired[Part],
        "author": NotRequired[str],
        "publisher": NotRequired[str],
        "group": NotRequired[str],
        "version": NotRequired[str],
        "description": NotRequired[str],
        "scope": NotRequired[Literal["required", "optional", "excluded"]],
        "hashes": NotRequired[list[Part]],
        "licenses": NotRequired[list[Part]],
        "copyright": NotRequired[str],
        "cpe": NotRequired[str],
        "purl": NotRequired[str],
        "swid": NotRequired[Part],
        "modified": NotRequired[bool],
        "pedigree": NotRequired[Part],
        "externalReferences": NotRequired[list[Part]],
        "components": NotRequired[list["Component"]],
        "evidence": NotRequired[Evidence],
        "properties": NotRequired[list[Part]],
        "releaseNotes": NotRequired[Part],
        "signature": NotRequired[Part],
        "modelCard": NotRequired[Part],
        "data": NotRequired[list[Part]],
        "manufacturer": NotRequired[Part],
        "authors": NotRequired[list[Part]],
        "omniborId": NotRequired[list[str]],
        "swhid": NotRequired[list[str]],
        "cryptoProperties": NotRequired[Part],
        "tags": NotRequired[list[str]],
    },
    closed=True,
)


class Tool(TypedDict, closed=True):
    vendor: NotRequired[str]
    name: NotRequired[str]
    version: NotRequired[str]
    hashes: NotRequired[list[Part]]
    externalReferences: NotRequired[list[Part]]


class CreationTools(TypedDict, closed=True):
    components: NotRequired[list[Component]]
    services: NotRequired[list[Part]]


class Metadata(TypedDict, closed=True):
    timestamp: NotRequired[datetime]
    tools: NotRequired[list[Tool] | CreationTools]
    authors: NotRequired[list[Part]]
    component: NotRequired[Component]
    manufacture: NotRequired[Part]
    supplier: NotRequired[Part]
    licenses: NotRequired[list[Part]]
    properties: NotRequired[list[Part]]
    lifecycles: NotRequired[list[Part]]
    manufacturer: NotRequired[Part]


class Dependency(TypedDict, closed=True):
    ref: str
    dependsOn: NotRequired[list[str]]
    provides: NotRequired[list[str]]


Bom = TypedDict(
    "Bom",
    {
        "bomFormat": Literal["CycloneDX"],
        "specVersion": Literal["1.6"],
        "$schema": NotRequired[str],
        "serialNumber": NotRequired[str],
        "version": NotRequired[Annotated[int, Field(ge=1)]],
        "metadata": NotRequired[Metadata],
        "components": NotRequired[list[Component]],
        "services": NotRequired[list[Part]],
        "externalReferences": NotRequired[list[Part]],
        "dependencies": NotRequired[list[Dependency]],
        "compositions": NotRequired[list[Part]],
        "vulnerabilities": NotRequired[list[Part]],
        "signature": NotRequired[Part],
        "annotations": NotRequired[list[Part]],
        "formulation": NotRequired[list[Part]],
        "properties": NotRequired[list[Part]],
        "declarations": NotRequired[Part],
        "definitions": NotRequired[Part],
    },
    closed=True,
)


class Cyclonedx(SessionModel):
    """One bill of materials; a new one is empty."""

    session_config = SessionConfig(name="cyclonedx", version=5, history=CyclonedxHistory())

    document: Bom = {"bomFormat": "CycloneDX", "specVersion": "1.6"}
