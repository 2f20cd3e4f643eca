"""Frozen shapes of the session "cyclonedx". Written by `typed-sessions revision`; do not edit."""

# ruff: noqa
# fmt: off
# isort: skip_file

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from typing_extensions import NotRequired, TypedDict

from typed_sessions import History


class V1Tool(TypedDict, closed=True):
    vendor: NotRequired[str]
    name: NotRequired[str]
    version: NotRequired[str]
    hashes: NotRequired[list[dict[str, Any]]]


class V1Dependency(TypedDict, closed=True):
    ref: str
    dependsOn: NotRequired[list[str]]


V1Component = TypedDict(
    'V1Component',
    {
        'type': "Literal['application', 'framework', 'library', 'container', 'operating-system', 'device', 'firmware', 'file']",
        'name': "str",
        'version': "str",
        'mime-type': "NotRequired[str]",
        'bom-ref': "NotRequired[str]",
        'supplier': "NotRequired[dict[str, Any]]",
        'author': "NotRequired[str]",
        'publisher': "NotRequired[str]",
        'group': "NotRequired[str]",
        'description': "NotRequired[str]",
        'scope': "NotRequired[Literal['required', 'optional', 'excluded']]",
        'hashes': "NotRequired[list[dict[str, Any]]]",
        'licenses': "NotRequired[list[dict[str, Any]]]",
        'copyright': "NotRequired[str]",
        'cpe': "NotRequired[str]",
        'purl': "NotRequired[str]",
        'swid': "NotRequired[dict[str, Any]]",
        'modified': "NotRequired[bool]",
        'pedigree': "NotRequired[dict[str, Any]]",
        'externalReferences': "NotRequired[list[dict[str, Any]]]",
        'components': "NotRequired[list[V1Component]]",
    }, closed=True,
)


class V1Metadata(TypedDict, closed=True):
    timestamp: NotRequired[str]  # date-time
    tools: NotRequired[list[V1Tool]]
    authors: NotRequired[list[dict[str, Any]]]
    component: NotRequired[V1Component]
    manufacture: NotRequired[dict[str, Any]]
    supplier: NotRequired[dict[str, Any]]


V1Bom = TypedDict(
    'V1Bom',
    {
        'bomFormat': "Literal['CycloneDX']",
        'specVersion': "Literal['1.2']",
        '$schema': "NotRequired[str]",
        'serialNumber': "NotRequired[str]",
        'version': "NotRequired[int]",
        'metadata': "NotRequired[V1Metadata]",
        'components': "NotRequired[list[V1Component]]",
        'services': "NotRequired[list[dict[str, Any]]]",
        'externalReferences': "NotRequired[list[dict[str, Any]]]",
        'dependencies': "NotRequired[list[V1Dependency]]",
    }, closed=True,
)


class V1(TypedDict, closed=True):
    document: V1Bom


class V2Evidence(TypedDict, closed=True):
    licenses: NotRequired[list[dict[str, Any]]]
    copyright: NotRequired[list[dict[str, Any]]]


V2Component = TypedDict(
    'V2Component',
    {
        'type': "Literal['application', 'framework', 'library', 'container', 'operating-system', 'device', 'firmware', 'file']",
        'name': "str",
        'version': "str",
        'mime-type': "NotRequired[str]",
        'bom-ref': "NotRequired[str]",
        'supplier': "NotRequired[dict[str, Any]]",
        'author': "NotRequired[str]",
        'publisher': "NotRequired[str]",
        'group': "NotRequired[str]",
        'description': "NotRequired[str]",
        'scope': "NotRequired[Literal['required', 'optional', 'excluded']]",
        'hashes': "NotRequired[list[dict[str, Any]]]",
        'licenses': "NotRequired[list[dict[str, Any]]]",
        'copyright': "NotRequired[str]",
        'cpe': "NotRequired[str]",
        'purl': "NotRequired[str]",
        'swid': "NotRequired[dict[str, Any]]",
        'modified': "NotRequired[bool]",
        'pedigree': "NotRequired[dict[str, Any]]",
        'externalReferences': "NotRequired[list[dict[str, Any]]]",
        'components': "NotRequired[list[V2Component]]",
        'evidence': "NotRequired[V2Evidence]",
        'properties': "NotRequired[list[dict[str, Any]]]",
    }, closed=True,
)


class V2Metadata(TypedDict, closed=True):
    timestamp: NotRequired[str]  # date-time
    tools: NotRequired[list[V1Tool]]
    authors: NotRequired[list[dict[str, Any]]]
    component: NotRequired[V2Component]
    manufacture: NotRequired[dict[str, Any]]
    supplier: NotRequired[dict[str, Any]]
    licenses: NotRequired[list[dict[str, Any]]]
    properties: NotRequired[list[dict[str, Any]]]


V2Bom = TypedDict(
    'V2Bom',
    {
        'bomFormat': "Literal['CycloneDX']",
        'specVersion': "Literal['1.3']",
        '$schema': "NotRequired[str]",
        'serialNumber': "NotRequired[str]",
        'version': "NotRequired[int]",
        'metadata': "NotRequired[V2Metadata]",
        'components': "NotRequired[list[V2Component]]",
        'services': "NotRequired[list[dict[str, Any]]]",
        'externalReferences': "NotRequired[list[dict[str, Any]]]",
        'dependencies': "NotRequired[list[V1Dependency]]",
        'compositions': "NotRequired[list[dict[str, Any]]]",
    }, closed=True,
)


class V2(TypedDict, closed=True):
    document: V2Bom


class V3Tool(TypedDict, closed=True):
    vendor: NotRequired[str]
    name: NotRequired[str]
    version: NotRequired[str]
    hashes: NotRequired[list[dict[str, Any]]]
    externalReferences: NotRequired[list[dict[str, Any]]]


V3Component = TypedDict(
    'V3Component',
    {
        'type': "Literal['application', 'framework', 'library', 'container', 'operating-system', 'device', 'firmware', 'file']",
        'name': "str",
        'mime-type': "NotRequired[str]",
        'bom-ref': "NotRequired[str]",
        'supplier': "NotRequired[dict[str, Any]]",
        'author': "NotRequired[str]",
        'publisher': "NotRequired[str]",
        'group': "NotRequired[str]",
        'version': "NotRequired[str]",
        'description': "NotRequired[str]",
        'scope': "NotRequired[Literal['required', 'optional', 'excluded']]",
        'hashes': "NotRequired[list[dict[str, Any]]]",
        'licenses': "NotRequired[list[dict[str, Any]]]",
        'copyright': "NotRequired[str]",
        'cpe': "NotRequired[str]",
        'purl': "NotRequired[str]",
        'swid': "NotRequired[dict[str, Any]]",
        'modified': "NotRequired[bool]",
        'pedigree': "NotRequired[dict[str, Any]]",
        'externalReferences': "NotRequired[list[dict[str, Any]]]",
        'components': "NotRequired[list[V3Component]]",
        'evidence': "NotRequired[V2Evidence]",
        'properties': "NotRequired[list[dict[str, Any]]]",
        'releaseNotes': "NotRequired[dict[str, Any]]",
        'signature': "NotRequired[dict[str, Any]]",
    }, closed=True,
)


class V3Metadata(TypedDict, closed=True):
    timestamp: NotRequired[str]  # date-time
    tools: NotRequired[list[V3Tool]]
    authors: NotRequired[list[dict[str, Any]]]
    component: NotRequired[V3Component]
    manufacture: NotRequired[dict[str, Any]]
    supplier: NotRequired[dict[str, Any]]
    licenses: NotRequired[list[dict[str, Any]]]
    properties: NotRequired[list[dict[str, Any]]]


V3Bom = TypedDict(
    'V3Bom',
    {
        'bomFormat': "Literal['CycloneDX']",
        'specVersion': "Literal['1.4']",
        '$schema': "NotRequired[str]",
        'serialNumber': "NotRequired[str]",
        'version': "NotRequired[int]",
        'metadata': "NotRequired[V3Metadata]",
        'components': "NotRequired[list[V3Component]]",
        'services': "NotRequired[list[dict[str, Any]]]",
        'externalReferences': "NotRequired[list[dict[str, Any]]]",
        'dependencies': "NotRequired[list[V1Dependency]]",
        'compositions': "NotRequired[list[dict[str, Any]]]",
        'vulnerabilities': "NotRequired[list[dict[str, Any]]]",
        'signature': "NotRequired[dict[str, Any]]",
    }, closed=True,
)


class V3(TypedDict, closed=True):
    document: V3Bom


class V4Evidence(TypedDict, closed=True):
    licenses: NotRequired[list[dict[str, Any]]]
    copyright: NotRequired[list[dict[str, Any]]]
    identity: NotRequired[dict[str, Any]]
    occurrences: NotRequired[list[dict[str, Any]]]
    callstack: NotRequired[dict[str, Any]]


class V4CreationTools(TypedDict, closed=True):
    components: NotRequired[list[V4Component]]
    services: NotRequired[list[dict[str, Any]]]


V4Component = TypedDict(
    'V4Component',
    {
        'type': "Literal['application', 'framework', 'library', 'container', 'operating-system', 'device', 'firmware', 'file', 'platform', 'device-driver', 'machine-learning-model', 'data']",
        'name': "str",
        'mime-type': "NotRequired[str]",
        'bom-ref': "NotRequired[str]",
        'supplier': "NotRequired[dict[str, Any]]",
        'author': "NotRequired[str]",
        'publisher': "NotRequired[str]",
        'group': "NotRequired[str]",
        'version': "NotRequired[str]",
        'description': "NotRequired[str]",
        'scope': "NotRequired[Literal['required', 'optional', 'excluded']]",
        'hashes': "NotRequired[list[dict[str, Any]]]",
        'licenses': "NotRequired[list[dict[str, Any]]]",
        'copyright': "NotRequired[str]",
        'cpe': "NotRequired[str]",
        'purl': "NotRequired[str]",
        'swid': "NotRequired[dict[str, Any]]",
        'modified': "NotRequired[bool]",
        'pedigree': "NotRequired[dict[str, Any]]",
        'externalReferences': "NotRequired[list[dict[str, Any]]]",
        'components': "NotRequired[list[V4Component]]",
        'evidence': "NotRequired[V4Evidence]",
        'properties': "NotRequired[list[dict[str, Any]]]",
        'releaseNotes': "NotRequired[dict[str, Any]]",
        'signature': "NotRequired[dict[str, Any]]",
        'modelCard': "NotRequired[dict[str, Any]]",
        'data': "NotRequired[list[dict[str, Any]]]",
    }, closed=True,
)


class V4Metadata(TypedDict, closed=True):
    timestamp: NotRequired[str]  # date-time
    tools: NotRequired[list[V3Tool] | V4CreationTools]
    authors: NotRequired[list[dict[str, Any]]]
    component: NotRequired[V4Component]
    manufacture: NotRequired[dict[str, Any]]
    supplier: NotRequired[dict[str, Any]]
    licenses: NotRequired[list[dict[str, Any]]]
    properties: NotRequired[list[dict[str, Any]]]
    lifecycles: NotRequired[list[dict[str, Any]]]


V4Bom = TypedDict(
    'V4Bom',
    {
        'bomFormat': "Literal['CycloneDX']",
        'specVersion': "Literal['1.5']",
        '$schema': "NotRequired[str]",
        'serialNumber': "NotRequired[str]",
        'version': "NotRequired[int]",  # >= 1
        'metadata': "NotRequired[V4Metadata]",
        'components': "NotRequired[list[V4Component]]",
        'services': "NotRequired[list[dict[str, Any]]]",
        'externalReferences': "NotRequired[list[dict[str, Any]]]",
        'dependencies': "NotRequired[list[V1Dependency]]",
        'compositions': "NotRequired[list[dict[str, Any]]]",
        'vulnerabilities': "NotRequired[list[dict[str, Any]]]",
        'signature': "NotRequired[dict[str, Any]]",
        'annotations': "NotRequired[list[dict[str, Any]]]",
        'formulation': "NotRequired[list[dict[str, Any]]]",
        'properties': "NotRequired[list[dict[str, Any]]]",
    }, closed=True,
)


class V4(TypedDict, closed=True):
    document: V4Bom


class V5Evidence(TypedDict, closed=True):
    licenses: NotRequired[list[dict[str, Any]]]
    copyright: NotRequired[list[dict[str, Any]]]
    identity: NotRequired[list[dict[str, Any]] | dict[str, Any]]
    occurrences: NotRequired[list[dict[str, Any]]]
    callstack: NotRequired[dict[str, Any]]


class V5CreationTools(TypedDict, closed=True):
    components: NotRequired[list[V5Component]]
    services: NotRequired[list[dict[str, Any]]]


class V5Dependency(TypedDict, closed=True):
    ref: str
    dependsOn: NotRequired[list[str]]
    provides: NotRequired[list[str]]


V5Component = TypedDict(
    'V5Component',
    {
        'type': "Literal['application', 'framework', 'library', 'container', 'operating-system', 'device', 'firmware', 'file', 'platform', 'device-driver', 'machine-learning-model', 'data', 'cryptographic-asset']",
        'name': "str",
        'mime-type': "NotRequired[str]",
        'bom-ref': "NotRequired[str]",
        'supplier': "NotRequired[dict[str, Any]]",
        'author': "NotRequired[str]",
        'publisher': "NotRequired[str]",
        'group': "NotRequired[str]",
        'version': "NotRequired[str]",
        'description': "NotRequired[str]",
        'scope': "NotRequired[Literal['required', 'optional', 'excluded']]",
        'hashes': "NotRequired[list[dict[str, Any]]]",
        'licenses': "NotRequired[list[dict[str, Any]]]",
        'copyright': "NotRequired[str]",
        'cpe': "NotRequired[str]",
        'purl': "NotRequired[str]",
        'swid': "NotRequired[dict[str, Any]]",
        'modified': "NotRequired[bool]",
        'pedigree': "NotRequired[dict[str, Any]]",
        'externalReferences': "NotRequired[list[dict[str, Any]]]",
        'components': "NotRequired[list[V5Component]]",
        'evidence': "NotRequired[V5Evidence]",
        'properties': "NotRequired[list[dict[str, Any]]]",
        'releaseNotes': "NotRequired[dict[str, Any]]",
        'signature': "NotRequired[dict[str, Any]]",
        'modelCard': "NotRequired[dict[str, Any]]",
        'data': "NotRequired[list[dict[str, Any]]]",
        'manufacturer': "NotRequired[dict[str, Any]]",
        'authors': "NotRequired[list[dict[str, Any]]]",
        'omniborId': "NotRequired[list[str]]",
        'swhid': "NotRequired[list[str]]",
        'cryptoProperties': "NotRequired[dict[str, Any]]",
        'tags': "NotRequired[list[str]]",
    }, closed=True,
)


class V5Metadata(TypedDict, closed=True):
    timestamp: NotRequired[str]  # date-time
    tools: NotRequired[list[V3Tool] | V5CreationTools]
    authors: NotRequired[list[dict[str, Any]]]
    component: NotRequired[V5Component]
    manufacture: NotRequired[dict[str, Any]]
    supplier: NotRequired[dict[str, Any]]
    licenses: NotRequired[list[dict[str, Any]]]
    properties: NotRequired[list[dict[str, Any]]]
    lifecycles: NotRequired[list[dict[str, Any]]]
    manufacturer: NotRequired[dict[str, Any]]


V5Bom = TypedDict(
    'V5Bom',
    {
        'bomFormat': "Literal['CycloneDX']",
        'specVersion': "Literal['1.6']",
        '$schema': "NotRequired[str]",
        'serialNumber': "NotRequired[str]",
        'version': "NotRequired[int]",  # >= 1
        'metadata': "NotRequired[V5Metadata]",
        'components': "NotRequired[list[V5Component]]",
        'services': "NotRequired[list[dict[str, Any]]]",
        'externalReferences': "NotRequired[list[dict[str, Any]]]",
        'dependencies': "NotRequired[list[V5Dependency]]",
        'compositions': "NotRequired[list[dict[str, Any]]]",
        'vulnerabilities': "NotRequired[list[dict[str, Any]]]",
        'signature': "NotRequired[dict[str, Any]]",
        'annotations': "NotRequired[list[dict[str, Any]]]",
        'formulation': "NotRequired[list[dict[str, Any]]]",
        'properties': "NotRequired[list[dict[str, Any]]]",
        'declarations': "NotRequired[dict[str, Any]]",
        'definitions': "NotRequired[dict[str, Any]]",
    }, closed=True,
)


class V5(TypedDict, closed=True):
    document: V5Bom


class Upcasts(History, ABC):
    """The steps of "cyclonedx" from version to version; write each in a subclass."""

    name: ClassVar[str | None] = 'cyclonedx'
    oldest: ClassVar[int] = 1
    head: ClassVar[int | None] = 5
    min_reader: ClassVar[Mapping[int, int]] = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5}
    shapes: ClassVar[Mapping[int, type]] = {1: V1, 2: V2, 3: V3, 4: V4, 5: V5}

    @staticmethod
    @abstractmethod
    def v1_to_v2(old: V1, /) -> V2: ...

    @staticmethod
    @abstractmethod
    def v2_to_v3(old: V2, /) -> V3: ...

    @staticmethod
    @abstractmethod
    def v3_to_v4(old: V3, /) -> V4: ...

    @staticmethod
    @abstractmethod
    def v4_to_v5(old: V4, /) -> V5: ...
