"""Watching a job from the page until it has ended."""

import asyncio
from collections.abc import AsyncIterator

from serving.job_store import Job
from serving.service import Service

INTERVAL = 0.3  # seconds between looks


async def follow(service: Service, job: Job) -> AsyncIterator[Job]:
    """The job as it is again and again, at last as it ended. Raises Refused where it is deleted."""
    yield job
    while not job.is_over:
        await asyncio.sleep(INTERVAL)
        job = service.get(job.id)
        yield job
