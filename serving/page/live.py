"""The page Live: an avatar that speaks what it hears, by microphone or from a file, and new avatars."""

import json
from collections.abc import AsyncIterator
from contextlib import ExitStack
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.concurrency import run_in_threadpool

from config.errors import InputError
from serving.job_files import Upload
from serving.job_store import COMPLETED, Job
from serving.orders import make_avatar_order
from serving.page.following import follow
from serving.page.fragments import Words, job_progress, notice
from serving.page.words import translated, words_for
from serving.service import Service

HERE = Path(__file__).parent
QUIET = {"show_progress": "hidden", "concurrency_limit": None, "api_visibility": "private"}


def add_live(page: gr.Blocks, service: Service) -> None:
    """Build the page, within gr.Blocks."""
    actions = LiveActions(service)
    stage = gr.HTML(elem_id="live", js_on_load=(HERE / "live.js").read_text(encoding="utf-8"))
    with gr.Accordion(translated("new_avatar"), open=False, elem_id="new_avatar"):
        with gr.Row():
            video = gr.File(label=translated("avatar_video"), file_types=["video", "image"], height=120)
            with gr.Column():
                name = gr.Textbox("", label=translated("avatar_name"), info=translated("avatar_name_info"), max_lines=1)
                make = gr.Button(translated("make_avatar"), variant="primary")
        progress = gr.HTML()
    page.load(actions.stage, None, stage, **QUIET)
    make.click(actions.make, [video, name], [progress, stage], **QUIET)


class LiveActions:
    """What the page shows and does."""

    def __init__(self, service: Service):
        self.service = service

    def stage(self, request: gr.Request) -> str:
        return stage(self.service.avatars.names(), words_for(request))

    async def make(self, request: gr.Request, video: str | None, name: str) -> AsyncIterator[list[Any]]:
        """Make an avatar: values for its progress, and the stage when there is one more."""
        words = words_for(request)
        if not video:
            yield [notice(words["no_video"]), gr.skip()]
            return
        try:
            posted = await run_in_threadpool(self.post, video, name)
            async for job in follow(self.service, posted):
                shown = job_progress(job, words, self.service.queue.state()["generator"])
                yield [shown, self.stage(request) if job.state == COMPLETED else gr.skip()]
        except InputError as error:
            yield [notice(str(error)), gr.skip()]

    def post(self, video: str, name: str) -> Job:
        with ExitStack() as opened:
            upload = Upload(Path(video).name, opened.enter_context(open(video, "rb")))
            return self.service.submit(make_avatar_order({"name": name, "video": upload}, self.service.options))


def stage(names: list[str], words: Words) -> str:
    """Where an avatar is seen, and what it is told to do; live.js does it."""
    if not names:
        return f"<p>{escape(words['no_avatar'])}</p>"
    options = "".join(f"<option>{escape(name)}</option>" for name in names)
    buttons = "".join(
        f'<button data-action="{action}">{escape(words[f"live_{action}"])}</button>'
        for action in ("microphone", "interrupt", "stop")
    )
    shown = json.dumps({key: word for key, word in words.items() if key.startswith("live_") or key == "failed"})
    return (
        f'<div class="live"><div class="controls">'
        f'<select aria-label="{escape(words["avatar"])}">{options}</select>{buttons}'
        f'<label class="file">{escape(words["live_file"])}<input type="file" accept="audio/*,video/*"></label></div>'
        f'<canvas width="512" height="512"></canvas><p class="state"></p>'
        f'<span class="words" hidden>{escape(shown)}</span></div>'
    )
