"""The steps by which older versions of the session cyclonedx become the next.

Almost every key may lack and most changes only add: what may stay is copied with a cast, and what must change is
converted under the eyes of the type checker.
"""

from typing import cast

from tests.formats.cyclonedx._frozen import cyclonedx as frozen

SCHEMA = "http://cyclonedx.org/schema/bom-{}.schema.json"


class CyclonedxHistory(frozen.Upcasts):
    """What is stored is never changed in place: each step makes the next version of it."""

    @staticmethod
    def v1_to_v2(old: frozen.V1, /) -> frozen.V2:
        """There are compositions, evidence and properties (1.3)."""
        new = cast("frozen.V2Bom", {**old["document"], "specVersion": "1.3"})
        if "$schema" in new:
            new["$schema"] = SCHEMA.format("1.3")
        return {"document": new}

    @staticmethod
    def v2_to_v3(old: frozen.V2, /) -> frozen.V3:
        """There are vulnerabilities and signatures, and versions may lack (1.4)."""
        new = cast("frozen.V3Bom", {**old["document"], "specVersion": "1.4"})
        if "$schema" in new:
            new["$schema"] = SCHEMA.format("1.4")
        return {"document": new}

    @staticmethod
    def v3_to_v4(old: frozen.V3, /) -> frozen.V4:
        """Tools are components, and there is much more (1.5)."""
        new = cast("frozen.V4Bom", {**old["document"], "specVersion": "1.5"})
        if "$schema" in new:
            new["$schema"] = SCHEMA.format("1.5")
        if "version" in new:
            new["version"] = max(new["version"], 1)
        return {"document": new}

    @staticmethod
    def v4_to_v5(old: frozen.V4, /) -> frozen.V5:
        """An identity has many pieces of evidence, and there is much more (1.6)."""
        document = old["document"]
        new = cast("frozen.V5Bom", {**document, "specVersion": "1.6"})
        if "$schema" in new:
            new["$schema"] = SCHEMA.format("1.6")
        if "components" in document:
            new["components"] = [component_v5(component) for component in document["components"]]
        if "metadata" in document:
            new["metadata"] = metadata_v5(document["metadata"])
        return {"document": new}


def metadata_v5(old: frozen.V4Metadata) -> frozen.V5Metadata:
    new = cast("frozen.V5Metadata", {**old})
    if "component" in old:
        new["component"] = component_v5(old["component"])
    if "tools" in old and isinstance(old["tools"], dict):
        new["tools"] = tools_v5(old["tools"])
    return new


def tools_v5(old: frozen.V4CreationTools) -> frozen.V5CreationTools:
    new = cast("frozen.V5CreationTools", {**old})
    if "components" in old:
        new["components"] = [component_v5(component) for component in old["components"]]
    return new


def component_v5(old: frozen.V4Component) -> frozen.V5Component:
    new = cast("frozen.V5Component", {**old})
    if "evidence" in old:
        new["evidence"] = evidence_v5(old["evidence"])
    if "components" in old:
        new["components"] = [component_v5(component) for component in old["components"]]
    return new


def evidence_v5(old: frozen.V4Evidence) -> frozen.V5Evidence:
    new = cast("frozen.V5Evidence", {**old})
    if "identity" in old:
        new["identity"] = [old["identity"]]
    return new
