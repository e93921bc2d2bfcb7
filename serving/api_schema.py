"""What the OpenAPI page says of a posted job, whose values come in one of two forms."""

import dataclasses
from typing import Any

from config.config import InferenceOptions
from config.options import value_type
from serving.orders import KINDS, OPTIONS

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
        "callback": {"type": "string", "format": "uri", "description": "told of the end; its host: --callback_host"},
    }
    inputs = {
        "video": {**file, "description": "the face"},
        "speech": {**file, "description": "any sound or video file"},
    }
    properties = {**inputs, **option_schemas(), **common}
    return {"schema": {"type": "object", "required": list(inputs), "properties": properties}}


JOB_REQUEST = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": job_schema({"type": "string", "format": "binary"}),
            "application/json": job_schema({"type": "string"}),
        },
    }
}
