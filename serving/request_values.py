"""The values of a request by name, sent as a form with files or as JSON."""

import json
from http import HTTPStatus
from typing import Any

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from serving.job_files import Upload
from serving.refused import Refused

MOST_FILES, MOST_FIELDS = 2, 20


class RequestValues:
    """Gives values by name, files as Upload; what was sent is let go when the block ends. Raises Refused."""

    def __init__(self, request: Request):
        self.request = request
        self.form: FormData | None = None

    async def __aenter__(self) -> dict[str, Any]:
        kind = self.request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "application/json":
            return json_values(await self.request.body())
        if kind != "multipart/form-data":
            message = "send multipart/form-data, or application/json"
            raise Refused(message, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        self.form = await self.request.form(max_files=MOST_FILES, max_fields=MOST_FIELDS)
        pairs = self.form.multi_items()
        if len(pairs) > len(values := dict(pairs)):
            raise Refused("a name is given twice; leave one of them out")
        files = {name: value for name, value in values.items() if isinstance(value, UploadFile)}
        return values | {name: Upload(file.filename or name, file.file) for name, file in files.items()}

    async def __aexit__(self, *exception: object) -> None:
        if self.form is not None:
            await self.form.close()


def json_values(body: bytes) -> dict[str, Any]:
    try:
        values = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused(f"the body is not understood as JSON ({error})") from error
    if not isinstance(values, dict):
        raise Refused('expected a JSON object, as {"video": "face.mp4", "speech": "speech.wav"}')
    return values
