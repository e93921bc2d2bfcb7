"""What the OpenAPI page says of a posted job, whose values come in one of two forms."""

import dataclasses
from collections.abc import Callable
from typing import Any

from config.config import InferenceOptions
from config.options import value_type
from serving.orders import KINDS, OPTIONS

CALLBACK = {"type": "string", "format": "uri", "description": "told of the end; its host: --callback_host"}
JSON_TYPES = {int: "integer", float: "number", str: "string"}


def option_schemas() -> dict[str, Any]:
    """Of the options of inference.py that a job may set."""
    schemas = {}
    for field in dataclasses.fields(InferenceOptions):
        if field.name in OPTIONS:
            schema = {"type": JSON_TYPES[value_type(field)], "default": field.default}
            limits = {"minimum": field.metadata["low"], "maximum": field.metadata["high"]}
            if schema["type"] != "string":
                schema |= {name: value for name, value in limits.items() if value is not None}
            schema |= {"enum": list(field.metadata["choices"])} if field.metadata["choices"] else {}
            schemas[field.name] = {**schema, "description": field.metadata["help"]}
    return schemas


def job_schema(file: dict[str, str]) -> dict[str, Any]:
    """`file`: how a file is given."""
    common = {
        "kind": {"type": "string", "enum": list(KINDS), "default": "dub"},
        "callback": CALLBACK,
    }
    inputs = {
        "video": {**file, "description": "the face"},
        "avatar": {"type": "string", "description": "name of an avatar, in place of the video"},
        "speech": {**file, "description": "any sound or video file"},
    }
    return object_schema({**inputs, **option_schemas(), **common}, ["speech"])


def avatar_schema(file: dict[str, str]) -> dict[str, Any]:
    """`file`: how a file is given."""
    video = {**file, "description": "a face: video or picture"}
    name = {"type": "string", "pattern": r"^[\w-]{1,64}$"}
    return object_schema({"name": name, "video": video, "callback": CALLBACK}, ["name", "video"])


def object_schema(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {"schema": {"type": "object", "required": required, "properties": properties}}


def request_body(schema: Callable[[dict[str, str]], dict[str, Any]]) -> dict[str, Any]:
    """Of a request whose files are sent as multipart, or named in JSON."""
    content = {
        "multipart/form-data": schema({"type": "string", "format": "binary"}),
        "application/json": schema({"type": "string"}),
    }
    return {"requestBody": {"required": True, "content": content}}
