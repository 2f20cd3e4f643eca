"""Frozen shapes of the session "notebook". Written by `typed-sessions revision`; do not edit."""

# ruff: noqa
# fmt: off
# isort: skip_file

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from typing_extensions import NotRequired, TypedDict

from typed_sessions import History


class V1Pyerr(TypedDict, closed=True):
    output_type: Literal['pyerr']
    ename: str
    evalue: str
    traceback: list[str]


class V1Stream(TypedDict, closed=True):
    output_type: Literal['stream']
    stream: str
    text: str


class V1DisplayData(TypedDict):
    metadata: NotRequired[dict[str, Any] | None]
    output_type: Literal['display_data']


class V1Pyout(TypedDict):
    metadata: NotRequired[dict[str, Any] | None]
    output_type: Literal['pyout']
    prompt_number: int  # >= 0


class V1CodeMetadata(TypedDict):
    collapsed: NotRequired[bool | None]
    scrolled: NotRequired[bool | Literal['auto'] | None]
    name: NotRequired[str | None]  # at least 1 characters
    tags: NotRequired[list[str] | None]  # like "^[^,]+$"


class V1MarkdownMetadata(TypedDict):
    name: NotRequired[str | None]  # at least 1 characters
    tags: NotRequired[list[str] | None]  # like "^[^,]+$"


class V1RawMetadata(TypedDict):
    format: NotRequired[str | None]
    name: NotRequired[str | None]  # at least 1 characters
    tags: NotRequired[list[str] | None]  # like "^[^,]+$"


class V1CodeCell(TypedDict, closed=True):
    cell_type: Literal['code']
    language: str
    collapsed: NotRequired[bool | None]
    metadata: NotRequired[V1CodeMetadata | None]
    input: str
    outputs: list[V1Pyout | V1DisplayData | V1Stream | V1Pyerr]
    prompt_number: NotRequired[int | None]  # >= 0


class V1HeadingCell(TypedDict, closed=True):
    cell_type: Literal['heading']
    metadata: NotRequired[V1MarkdownMetadata | None]
    source: str
    level: int  # >= 1; <= 6


class V1MarkdownCell(TypedDict, closed=True):
    cell_type: Literal['markdown', 'html']
    metadata: NotRequired[V1MarkdownMetadata | None]
    source: str


class V1RawCell(TypedDict, closed=True):
    cell_type: Literal['raw']
    metadata: NotRequired[V1RawMetadata | None]
    source: str


class V1Worksheet(TypedDict, closed=True):
    cells: list[V1RawCell | V1MarkdownCell | V1HeadingCell | V1CodeCell]
    metadata: NotRequired[dict[str, Any] | None]


class V1NotebookMetadata(TypedDict):
    name: NotRequired[str | None]
    signature: NotRequired[str | None]
    kernel_info: NotRequired[dict[str, Any] | None]


class V1(TypedDict, closed=True):
    metadata: V1NotebookMetadata
    nbformat: Literal[3]
    nbformat_minor: int  # >= 0
    orig_nbformat: NotRequired[int | None]  # >= 1
    orig_nbformat_minor: NotRequired[int | None]  # >= 0
    worksheets: list[V1Worksheet]


class V2Error(TypedDict, closed=True):
    output_type: Literal['error']
    ename: str
    evalue: str
    traceback: list[str]


class V2Stream(TypedDict, closed=True):
    output_type: Literal['stream']
    name: str
    text: str


class V2DisplayData(TypedDict, closed=True):
    output_type: Literal['display_data']
    data: dict[str, Any]
    metadata: dict[str, Any]


class V2ExecuteResult(TypedDict, closed=True):
    output_type: Literal['execute_result']
    execution_count: int | None  # >= 0
    data: dict[str, Any]
    metadata: dict[str, Any]


class V2LanguageInfo(TypedDict):
    name: str
    codemirror_mode: NotRequired[str | dict[str, Any] | None]
    file_extension: NotRequired[str | None]
    mimetype: NotRequired[str | None]
    pygments_lexer: NotRequired[str | None]


class V2Kernelspec(TypedDict):
    name: str
    display_name: str


class V2CodeCell(TypedDict, closed=True):
    cell_type: Literal['code']
    metadata: V1CodeMetadata
    source: str
    outputs: list[V2ExecuteResult | V2DisplayData | V2Stream | V2Error]
    execution_count: int | None  # >= 0


class V2MarkdownCell(TypedDict, closed=True):
    cell_type: Literal['markdown']
    metadata: V1MarkdownMetadata
    source: str
    attachments: NotRequired[dict[str, dict[str, Any]] | None]


class V2RawCell(TypedDict, closed=True):
    cell_type: Literal['raw']
    metadata: V1RawMetadata
    source: str
    attachments: NotRequired[dict[str, dict[str, Any]] | None]


class V2NotebookMetadata(TypedDict):
    kernelspec: NotRequired[V2Kernelspec | None]
    language_info: NotRequired[V2LanguageInfo | None]
    orig_nbformat: NotRequired[int | None]  # >= 1
    orig_nbformat_minor: NotRequired[int | None]


class V2(TypedDict, closed=True):
    metadata: V2NotebookMetadata
    nbformat: Literal[4]
    nbformat_minor: int  # >= 0
    cells: list[V2RawCell | V2MarkdownCell | V2CodeCell]


class V3NotebookMetadata(TypedDict):
    kernelspec: NotRequired[V2Kernelspec | None]
    language_info: NotRequired[V2LanguageInfo | None]
    title: NotRequired[str | None]
    authors: NotRequired[list[Any] | None]
    orig_nbformat: NotRequired[int | None]  # >= 1
    orig_nbformat_minor: NotRequired[int | None]


class V3(TypedDict, closed=True):
    metadata: V3NotebookMetadata
    nbformat: Literal[4]
    nbformat_minor: int  # >= 0
    cells: list[V2RawCell | V2MarkdownCell | V2CodeCell]


class V4JupyterCodeCell(TypedDict):
    source_hidden: NotRequired[bool | None]
    outputs_hidden: NotRequired[bool | None]


class V4JupyterCell(TypedDict):
    source_hidden: NotRequired[bool | None]


class V4CodeMetadata(TypedDict):
    jupyter: NotRequired[V4JupyterCodeCell | None]
    collapsed: NotRequired[bool | None]
    scrolled: NotRequired[bool | Literal['auto'] | None]
    name: NotRequired[str | None]  # at least 1 characters
    tags: NotRequired[list[str] | None]  # like "^[^,]+$"


class V4MarkdownMetadata(TypedDict):
    jupyter: NotRequired[V4JupyterCell | None]
    name: NotRequired[str | None]  # at least 1 characters
    tags: NotRequired[list[str] | None]  # like "^[^,]+$"


class V4RawMetadata(TypedDict):
    jupyter: NotRequired[V4JupyterCell | None]
    format: NotRequired[str | None]
    name: NotRequired[str | None]  # at least 1 characters
    tags: NotRequired[list[str] | None]  # like "^[^,]+$"


class V4CodeCell(TypedDict, closed=True):
    cell_type: Literal['code']
    metadata: V4CodeMetadata
    source: str
    outputs: list[V2ExecuteResult | V2DisplayData | V2Stream | V2Error]
    execution_count: int | None  # >= 0


class V4MarkdownCell(TypedDict, closed=True):
    cell_type: Literal['markdown']
    metadata: V4MarkdownMetadata
    source: str
    attachments: NotRequired[dict[str, dict[str, Any]] | None]


class V4RawCell(TypedDict, closed=True):
    cell_type: Literal['raw']
    metadata: V4RawMetadata
    source: str
    attachments: NotRequired[dict[str, dict[str, Any]] | None]


class V4(TypedDict, closed=True):
    metadata: V3NotebookMetadata
    nbformat: Literal[4]
    nbformat_minor: int  # >= 0
    cells: list[V4RawCell | V4MarkdownCell | V4CodeCell]


class V5CodeMetadata(TypedDict):
    jupyter: NotRequired[V4JupyterCodeCell | None]
    execution: NotRequired[dict[str, str] | None]
    collapsed: NotRequired[bool | None]
    scrolled: NotRequired[bool | Literal['auto'] | None]
    name: NotRequired[str | None]  # at least 1 characters
    tags: NotRequired[list[str] | None]  # like "^[^,]+$"


class V5CodeCell(TypedDict, closed=True):
    cell_type: Literal['code']
    metadata: V5CodeMetadata
    source: str
    outputs: list[V2ExecuteResult | V2DisplayData | V2Stream | V2Error]
    execution_count: int | None  # >= 0


class V5(TypedDict, closed=True):
    metadata: V3NotebookMetadata
    nbformat: Literal[4]
    nbformat_minor: int  # >= 0
    cells: list[V4RawCell | V4MarkdownCell | V5CodeCell]


class V6CodeCell(TypedDict, closed=True):
    id: str  # at least 1 characters; at most 64 characters; like "^[a-zA-Z0-9-_]+$"
    cell_type: Literal['code']
    metadata: V5CodeMetadata
    source: str
    outputs: list[V2ExecuteResult | V2DisplayData | V2Stream | V2Error]
    execution_count: int | None  # >= 0


class V6MarkdownCell(TypedDict, closed=True):
    id: str  # at least 1 characters; at most 64 characters; like "^[a-zA-Z0-9-_]+$"
    cell_type: Literal['markdown']
    metadata: V4MarkdownMetadata
    source: str
    attachments: NotRequired[dict[str, dict[str, Any]] | None]


class V6RawCell(TypedDict, closed=True):
    id: str  # at least 1 characters; at most 64 characters; like "^[a-zA-Z0-9-_]+$"
    cell_type: Literal['raw']
    metadata: V4RawMetadata
    source: str
    attachments: NotRequired[dict[str, dict[str, Any]] | None]


class V6(TypedDict, closed=True):
    metadata: V3NotebookMetadata
    nbformat: Literal[4]
    nbformat_minor: int  # >= 5
    cells: list[V6RawCell | V6MarkdownCell | V6CodeCell]


class Upcasts(History, ABC):
    """The steps of "notebook" from version to version; write each in a subclass."""

    name: ClassVar[str | None] = 'notebook'
    oldest: ClassVar[int] = 1
    head: ClassVar[int | None] = 6
    min_reader: ClassVar[Mapping[int, int]] = {1: 1, 2: 2, 3: 2, 4: 2, 5: 2, 6: 6}
    shapes: ClassVar[Mapping[int, type]] = {1: V1, 2: V2, 3: V3, 4: V4, 5: V5, 6: V6}

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

    @staticmethod
    @abstractmethod
    def v5_to_v6(old: V5, /) -> V6: ...
