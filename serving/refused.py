"""Requests that are refused, with what HTTP calls it."""

from http import HTTPStatus

from config.errors import InputError


class Refused(InputError):
    """A request that cannot be granted; the message is one line, `status` that of the answer."""

    def __init__(self, message: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST):
        super().__init__(message)
        self.status = status
