"""Print the release of Pydantic that is installed, and the shapes that it gives to the models of the zoo, as JSON."""

import json
import sys

import pydantic

from tests.shape_releases.zoo import MODELS
from typed_sessions.shapes.stored import stored_schema

sys.stdout.write(
    json.dumps(
        {"pydantic": pydantic.VERSION, "shapes": {model.__name__: stored_schema(model) for model in MODELS}},
        indent=1,
        sort_keys=True,
    )
    + "\n"
)
