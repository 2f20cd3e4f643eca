"""The steps by which older versions of the session notebook become the next."""

import json
from typing import Any, cast

from tests.formats.notebook._frozen import notebook as frozen

MIME_TYPES = {
    "text": "text/plain",
    "html": "text/html",
    "svg": "image/svg+xml",
    "png": "image/png",
    "jpeg": "image/jpeg",
    "latex": "text/latex",
    "json": "application/json",
    "javascript": "application/javascript",
}
"""What version 3 called them."""


class NotebookHistory(frozen.Upcasts):
    """What is stored is never changed in place: each step makes the next version of it."""

    @staticmethod
    def v1_to_v2(old: frozen.V1, /) -> frozen.V2:
        """No worksheets, headings are markdown, outputs hold data (nbformat 4.0)."""
        kept = {name: value for name, value in old["metadata"].items() if name not in {"name", "signature"}}
        minor = old.get("orig_nbformat_minor") or 0
        origin = {"orig_nbformat": old.get("orig_nbformat") or 3, "orig_nbformat_minor": minor}
        return {
            "metadata": cast("frozen.V2NotebookMetadata", {**kept, **origin}),
            "nbformat": 4,
            "nbformat_minor": minor,
            "cells": [cell_v2(cell) for sheet in old["worksheets"] for cell in sheet["cells"]],
        }

    @staticmethod
    def v2_to_v3(old: frozen.V2, /) -> frozen.V3:
        """Notebooks have a title and authors (nbformat 4.2)."""
        # An open object may hold the new keys already, as somebody's own: whether they fit is seen at validation.
        return {**old, "metadata": cast("frozen.V3NotebookMetadata", old["metadata"])}

    @staticmethod
    def v3_to_v4(old: frozen.V3, /) -> frozen.V4:
        """Jupyter notes in cells what it hides (nbformat 4.3)."""
        return cast("frozen.V4", old)

    @staticmethod
    def v4_to_v5(old: frozen.V4, /) -> frozen.V5:
        """It is noted when a cell was executed (nbformat 4.4)."""
        return cast("frozen.V5", old)

    @staticmethod
    def v5_to_v6(old: frozen.V5, /) -> frozen.V6:
        """Every cell has an id (nbformat 4.5)."""
        return {
            **old,
            "metadata": {**old["metadata"], "orig_nbformat_minor": old["nbformat_minor"]},
            "nbformat_minor": 5,
            "cells": [with_id(cell, place) for place, cell in enumerate(old["cells"])],
        }


def cell_v2(
    cell: frozen.V1RawCell | frozen.V1MarkdownCell | frozen.V1HeadingCell | frozen.V1CodeCell,
) -> frozen.V2RawCell | frozen.V2MarkdownCell | frozen.V2CodeCell:
    match cell["cell_type"]:
        case "raw":
            return {**cell, "metadata": cell.get("metadata") or {}}
        case "markdown" | "html":
            return {**cell, "cell_type": "markdown", "metadata": cell.get("metadata") or {}}
        case "heading":
            source = f"{'#' * cell['level']} {' '.join(cell['source'].splitlines())}"
            return {"cell_type": "markdown", "metadata": cell.get("metadata") or {}, "source": source}
        case "code":
            return code_v2(cell)


def code_v2(cell: frozen.V1CodeCell) -> frozen.V2CodeCell:
    metadata = cell.get("metadata") or {}
    return {
        "cell_type": "code",
        "metadata": {**metadata, "collapsed": cell["collapsed"]} if "collapsed" in cell else metadata,
        "source": cell["input"],
        "outputs": [output_v2(output) for output in cell["outputs"]],
        "execution_count": cell.get("prompt_number"),
    }


def output_v2(
    output: frozen.V1Pyout | frozen.V1DisplayData | frozen.V1Stream | frozen.V1Pyerr,
) -> frozen.V2ExecuteResult | frozen.V2DisplayData | frozen.V2Stream | frozen.V2Error:
    match output["output_type"]:
        case "pyout":
            metadata = with_mime_types(output.get("metadata") or {})
            count = output["prompt_number"]
            return {
                "output_type": "execute_result",
                "execution_count": count,
                "data": shown(output),
                "metadata": metadata,
            }
        case "display_data":
            metadata = with_mime_types(output.get("metadata") or {})
            return {"output_type": "display_data", "data": shown(output), "metadata": metadata}
        case "stream":
            return {"output_type": "stream", "name": output["stream"], "text": output["text"]}
        case "pyerr":
            return {**output, "output_type": "error"}


def shown(output: frozen.V1Pyout | frozen.V1DisplayData) -> dict[str, Any]:
    """What lay in an output beside its own keys."""
    own = {"output_type", "prompt_number", "metadata"}
    data = with_mime_types({name: value for name, value in output.items() if name not in own})
    if "application/json" in data:
        data["application/json"] = parsed(data["application/json"])
    return data


def with_mime_types(bundle: dict[str, Any]) -> dict[str, Any]:
    return {MIME_TYPES.get(name, name): value for name, value in bundle.items()}


def parsed(text: str) -> object:
    """The JSON in a text; the text itself, which is JSON too, if there is none in it."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def with_id(
    cell: frozen.V4RawCell | frozen.V4MarkdownCell | frozen.V5CodeCell, place: int
) -> frozen.V6RawCell | frozen.V6MarkdownCell | frozen.V6CodeCell:
    """The id comes from the place, so that the step makes the same of the same notebook."""
    name = f"cell-{place}"
    match cell["cell_type"]:
        case "raw":
            return {**cell, "id": name}
        case "markdown":
            return {**cell, "id": name}
        case "code":
            return {**cell, "id": name}
