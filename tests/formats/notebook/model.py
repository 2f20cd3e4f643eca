"""Jupyter notebooks, as the format's library has them in memory: the lines of a text are joined."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from tests.formats.absent import Maybe
from tests.formats.notebook.notebook_history import NotebookHistory
from typed_sessions import SessionConfig, SessionModel

Metadata: TypeAlias = dict[str, Any]
MimeBundle: TypeAlias = dict[str, Any]
"""What a MIME type holds: a text, or any JSON if it is a JSON type."""
Count: TypeAlias = Annotated[int, Field(ge=0)] | None


class Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")


class LanguageInfo(BaseModel):
    model_config = ConfigDict(extra="allow")

    name: str
    codemirror_mode: Maybe[str | dict[str, Any]] = None
    file_extension: Maybe[str] = None
    mimetype: Maybe[str] = None
    pygments_lexer: Maybe[str] = None


class Kernelspec(BaseModel):
    model_config = ConfigDict(extra="allow")

    name: str
    display_name: str


class NotebookMetadata(BaseModel):
    """What a notebook says of itself; tools add keys of their own."""

    model_config = ConfigDict(extra="allow")

    kernelspec: Maybe[Kernelspec] = None
    language_info: Maybe[LanguageInfo] = None
    title: Maybe[str] = None
    authors: Maybe[list[Any]] = None
    orig_nbformat: Maybe[Annotated[int, Field(ge=1)]] = None
    orig_nbformat_minor: Maybe[int] = None


class ExecuteResult(Closed):
    output_type: Literal["execute_result"] = "execute_result"
    execution_count: Count
    data: MimeBundle
    metadata: Metadata


class DisplayData(Closed):
    output_type: Literal["display_data"] = "display_data"
    data: MimeBundle
    metadata: Metadata


class Stream(Closed):
    output_type: Literal["stream"] = "stream"
    name: str
    text: str


class Error(Closed):
    output_type: Literal["error"] = "error"
    ename: str
    evalue: str
    traceback: list[str]


Output: TypeAlias = Annotated[ExecuteResult | DisplayData | Stream | Error, Field(discriminator="output_type")]


Name: TypeAlias = Annotated[str, Field(min_length=1)]
Tag: TypeAlias = Annotated[str, Field(pattern="^[^,]+$")]


class JupyterCell(BaseModel):
    """What Jupyter itself notes of a cell."""

    model_config = ConfigDict(extra="allow")

    source_hidden: Maybe[bool] = None


class JupyterCodeCell(JupyterCell):
    outputs_hidden: Maybe[bool] = None


class RawMetadata(BaseModel):
    model_config = ConfigDict(extra="allow")

    jupyter: Maybe[JupyterCell] = None
    format: Maybe[str] = None
    name: Maybe[Name] = None
    tags: Maybe[list[Tag]] = None


class MarkdownMetadata(BaseModel):
    model_config = ConfigDict(extra="allow")

    jupyter: Maybe[JupyterCell] = None
    name: Maybe[Name] = None
    tags: Maybe[list[Tag]] = None


class CodeMetadata(BaseModel):
    model_config = ConfigDict(extra="allow")

    jupyter: Maybe[JupyterCodeCell] = None
    execution: Maybe[dict[str, str]] = None
    collapsed: Maybe[bool] = None
    scrolled: Maybe[bool | Literal["auto"]] = None
    name: Maybe[Name] = None
    tags: Maybe[list[Tag]] = None


CellId: TypeAlias = Annotated[str, Field(pattern="^[a-zA-Z0-9-_]+$", min_length=1, max_length=64)]


class RawCell(Closed):
    id: CellId
    cell_type: Literal["raw"] = "raw"
    metadata: RawMetadata
    source: str
    attachments: Maybe[dict[str, MimeBundle]] = None


class MarkdownCell(Closed):
    id: CellId
    cell_type: Literal["markdown"] = "markdown"
    metadata: MarkdownMetadata
    source: str
    attachments: Maybe[dict[str, MimeBundle]] = None


class CodeCell(Closed):
    id: CellId
    cell_type: Literal["code"] = "code"
    metadata: CodeMetadata
    source: str
    outputs: list[Output]
    execution_count: Count


Cell: TypeAlias = Annotated[RawCell | MarkdownCell | CodeCell, Field(discriminator="cell_type")]


class Notebook(SessionModel):
    session_config = SessionConfig(name="notebook", version=6, history=NotebookHistory())

    metadata: NotebookMetadata = NotebookMetadata()
    nbformat: Literal[4] = 4
    nbformat_minor: Annotated[int, Field(ge=5)] = 5
    cells: list[Cell] = []
