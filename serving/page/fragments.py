"""Pieces of the page that the server writes: how far a job is, two videos side by side, a list of jobs."""

from collections.abc import Sequence
from html import escape

from serving.job_queue import LOADING, READY
from serving.job_store import COMPLETED, FAILED, PENDING, RUNNING, Job

Words = dict[str, str]


def generator_line(words: Words, generator: str, trouble: str) -> str:
    text = words[generator].format(trouble=trouble)
    return f'<p class="generator {generator}">{escape(text)}</p>'


def notice(text: str) -> str:
    return f'<p class="job failed">{escape(text)}</p>'


def job_progress(job: Job, words: Words, generator: str = READY) -> str:
    """A bar, and how many frames are done, how fast, and how long it will take; or why it has ended."""
    shown = f"{job.progress:.0%}"
    return (
        f'<div class="job {job.state}"><div class="bar" role="progressbar" aria-valuenow="{round(100 * job.progress)}">'
        f'<div style="width: {shown}"></div></div><p><b>{shown}</b> {escape(job_text(job, words, generator))}</p></div>'
    )


def job_text(job: Job, words: Words, generator: str = READY) -> str:
    if job.state == FAILED:
        return f"{words[FAILED]}: {job.message}"
    if job.state == PENDING:
        return words["waiting_for_generator"] if generator == LOADING else words[PENDING]
    if job.state == COMPLETED and job.stage.get("work") == "dubbing":
        return words["dubbed"].format(seconds=round(job.ended - job.began, 1), **job.stage)
    if job.state != RUNNING or not job.stage:
        return words[job.state]
    stage = {**job.stage, "work": words[job.stage["work"]]}
    text = words["of_frames"].format(**stage)
    return text + words["speed"].format(**stage) if "rate" in stage else text


def preview_picture(job: Job, words: Words) -> str:
    """What a preview has made."""
    caption = escape(words["preview_result"])
    image = f'<img src="api/jobs/{job.id}/result" alt="{caption}">'
    return f'<figure class="preview">{image}<figcaption>{caption}</figcaption></figure>'


def side_by_side(job: Job, words: Words) -> str:
    """The videos before and after, which compare.js keeps in step, and a link to the result."""
    if job.state != COMPLETED:
        return ""
    place = f"api/jobs/{job.id}"
    videos = shown_video(place, "source", "muted", words) + shown_video(place, "result", "controls", words)
    return (
        f'<div class="pair">{videos}</div>'
        f'<p><a class="download" href="{place}/result" download>{words["download"]}</a></p>'
    )


def shown_video(place: str, which: str, how: str, words: Words) -> str:
    video = f'<video class="{which}" src="{place}/{which}" playsinline preload="auto" {how}></video>'
    return f"<figure>{video}<figcaption>{words[which]}</figcaption></figure>"


def job_table(jobs: Sequence[Job], words: Words) -> str:
    if not jobs:
        return f"<p>{words['no_jobs']}</p>"
    return f'<table class="jobs">{"".join(job_row(job, words) for job in jobs)}</table>'


def job_row(job: Job, words: Words) -> str:
    title = escape(job.title)
    if job.state == COMPLETED:
        title = f'<a href="api/jobs/{job.id}/result" target="_blank">{title}</a>'
    kind = words[job.kind]
    return f"<tr><td>{title}</td><td>{kind}</td><td>{job.progress:.0%}</td><td>{escape(job_text(job, words))}</td></tr>"
