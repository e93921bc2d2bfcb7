"""Tells other hosts that a job has ended: only those that the server's owner named."""

import threading
import time
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import httpx

from serving.refused import Refused

TRIES, TIMEOUT = 3, 10.0  # seconds; between tries 1 s, then 2 s


def check_callback(url: str, allowed: str) -> str:
    """`url`, where it is http(s) and its host is among those of --callback_host, else Refused is raised."""
    try:
        parts = urlsplit(url)
        is_plain = parts.scheme in ("http", "https") and parts.username is None and bool(parts.hostname)
    except ValueError:
        is_plain = False
    if not is_plain:
        raise Refused("callback is no address; give one such as https://HOST/PATH")
    if parts.netloc.lower() not in {host.strip().lower() for host in allowed.split(",") if host.strip()}:
        message = f"callback: {parts.netloc} is not among the hosts that this server may call; see --callback_host"
        raise Refused(message, HTTPStatus.FORBIDDEN)
    return url


def call_back(url: str, job: dict[str, Any]) -> None:
    """Post what became of a job, in a thread of its own; a host that does not answer is only warned of."""
    threading.Thread(target=post, args=(url, job), daemon=True).start()


def post(url: str, job: dict[str, Any]) -> None:
    for delay in range(TRIES):
        time.sleep(delay)
        try:
            httpx.post(url, json=job, timeout=TIMEOUT, follow_redirects=False, trust_env=False).raise_for_status()
            return
        except httpx.HTTPError as error:
            trouble = error
    print(f"warning: callback of job {job['id']}: {' '.join(str(trouble).split())}", flush=True)
