"""Real bills of materials of every version, and what the library of CycloneDX makes of them."""

import json
import random
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from cyclonedx.exception import CycloneDxException
from cyclonedx.model.bom import Bom
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.formats.sample import Sample
from typed_sessions import JsonObject

FOLDER = Path(__file__).parent / "samples"
VERSIONS = {"1.2": 1, "1.3": 2, "1.4": 3, "1.5": 4, "1.6": 5}
"""Of the session model, by the version of the format."""


def samples() -> Iterator[Sample]:
    """The documents that the library reads. It refuses three with mixed licences and two with classified data."""
    for path in sorted(FOLDER.glob("*.json")):
        document: JsonObject = json.loads(path.read_text("utf-8"))
        try:
            seen({"document": document})
        except (CycloneDxException, ValueError):
            continue
        yield Sample(path.stem, VERSIONS[document["specVersion"]], {"document": document})


def upgraded(sample: Sample) -> JsonObject:
    """What the library reads from the document and writes as 1.6."""
    return seen(sample.data)


def seen(session: JsonObject) -> JsonObject:
    """The same of any document: it drops what it does not know. What it makes up differs every time, and goes."""
    document = session["document"]
    before = random.getstate()
    random.seed(0)  # it names what has no name by chance
    with warnings.catch_warnings(action="ignore"):  # of what is obsolete in the document
        bom = cast("Bom", Bom.from_json(data=document))  # type: ignore[attr-defined]  # its decorator adds it
        written: JsonObject = json.loads(JsonV1Dot6(bom).output_as_string())
    random.setstate(before)
    if "serialNumber" not in document:
        del written["serialNumber"]
    if "timestamp" not in document.get("metadata", {}):
        del written["metadata"]["timestamp"]
    return written


def is_valid(document: JsonObject) -> bool:
    """Whether it satisfies the published schema of its own version, to the letter."""
    version = SchemaVersion.from_version(document["specVersion"])
    return JsonStrictValidator(version).validate_str(json.dumps(document)) is None
