"""The arguments of a method, from wherever bots put them: query, form, JSON, or the response to a webhook."""

import json
from collections.abc import Mapping

from aiohttp import BodyPartReader, ClientResponse, MultipartReader, web

from typed_sessions.history import JsonObject
from typed_sessions.json_kinds import is_object
from typed_sessions.testing.bots.calls import Call, bad_request

SERIALIZED = frozenset({
    "allowed_updates", "caption_entities", "commands", "correct_option_ids", "entities", "explanation_entities",
    "link_preview_options", "media", "menu_button", "message_ids", "options", "permissions", "prices",
    "question_entities", "reaction", "reply_markup", "reply_parameters", "result", "results", "scope",
    "shipping_options",
})  # fmt: skip
"""What stands in forms as JSON; anything else is a plain text or number."""


async def arguments_of(request: web.Request) -> JsonObject:
    """Raises RefusedError for what is no JSON but should be."""
    if request.content_type == "application/json":
        body = parsed("body", await request.text())
        return {**request.query, **body} if is_object(body) else {**request.query}
    form = await request.post()
    return plain({**request.query, **{name: text_of(value) for name, value in form.items()}})


def text_of(value: object) -> str:
    """The text of a field, or the name of an uploaded file."""
    return value if isinstance(value, str) else str(getattr(value, "filename", ""))


def plain(form: Mapping[str, str]) -> JsonObject:
    return {name: parsed(name, text) if name in SERIALIZED else text for name, text in form.items()}


def parsed(name: str, text: str) -> object:
    try:
        return json.loads(text)
    except ValueError as error:
        raise bad_request(f"can't parse {name} as JSON") from error


async def call_in(response: ClientResponse) -> Call | None:
    """The method that a bot calls by its response to a webhook, if it does."""
    if response.content_type.startswith("multipart/"):
        fields = plain(await form_in(response))
    else:
        fields = object_in(await response.text())
    method = fields.pop("method", None)
    return Call(method=method, arguments=fields) if isinstance(method, str) else None


def object_in(text: str) -> JsonObject:
    try:
        body = json.loads(text)
    except ValueError:
        return {}
    return body if is_object(body) else {}


async def form_in(response: ClientResponse) -> dict[str, str]:
    parts: dict[str, str] = {}
    async for part in MultipartReader.from_response(response):
        if isinstance(part, BodyPartReader) and part.name:
            parts[part.name] = part.filename or await part.text()
    return parts
