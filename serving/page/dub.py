"""The page Dub: video and speech in, one frame first, then the whole beside its source."""

from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.concurrency import run_in_threadpool

from config.config import InferenceOptions
from config.errors import InputError
from serving.job_files import Upload
from serving.job_store import COMPLETED, Job
from serving.orders import make_order
from serving.page.following import follow
from serving.page.fragments import Words, job_progress, job_table, notice, preview_picture, side_by_side
from serving.page.words import translated, words_for
from serving.service import Service

HERE = Path(__file__).parent
DEFAULTS = InferenceOptions()
QUIET = {"show_progress": "hidden", "concurrency_limit": None, "api_visibility": "private"}


def add_dub(service: Service) -> None:
    """Build the page, within gr.Blocks."""
    with gr.Row():
        with gr.Column():
            inputs = [
                gr.Video(label=translated("video"), sources=["upload"], height=300, elem_id="video"),
                gr.Audio(
                    label=translated("speech"), sources=["upload", "microphone"], type="filepath", elem_id="speech"
                ),
                *option_inputs(),
            ]
        with gr.Column():
            with gr.Row():
                preview = gr.Button(translated("preview"), min_width=110, elem_id="start_preview")
                start = gr.Button(translated("start"), variant="primary", min_width=110, elem_id="start_dub")
                cancel = gr.Button(translated("cancel"), variant="stop", min_width=90, elem_id="cancel")
            progress = gr.HTML(elem_id="progress")
            picture = gr.HTML(elem_id="preview")
            pair = gr.HTML(elem_id="pair", js_on_load=(HERE / "compare.js").read_text(encoding="utf-8"))
    with gr.Accordion(translated("jobs"), open=False, elem_id="all_jobs"):
        refresh = gr.Button(translated("refresh"), size="sm")
        jobs = gr.HTML()
    current, actions = gr.State(""), DubActions(service)
    shown = [progress, current, picture, pair]
    preview.click(actions.preview, inputs, shown, **QUIET)
    start.click(actions.dub, inputs, shown, **QUIET)
    cancel.click(actions.cancel, current, None, **QUIET)
    refresh.click(actions.list_jobs, None, jobs, **QUIET)


def option_inputs() -> list[gr.components.Component]:
    """Reference frames, lip strength and crf."""
    with gr.Accordion(translated("options"), open=False):
        return [
            gr.Textbox("", label=translated("references"), info=translated("references_info"), max_lines=1),
            gr.Slider(
                0, 2, DEFAULTS.lip_strength, step=0.1, label=translated("strength"), info=translated("strength_info")
            ),
            gr.Slider(0, 51, DEFAULTS.crf, step=1, label=translated("crf"), info=translated("crf_info")),
        ]


class DubActions:
    """What the buttons do. Those that make something give values for progress, current, picture and pair, repeatedly.

    Their inputs are the paths of video and speech, or None, then what option_inputs holds.
    """

    def __init__(self, service: Service):
        self.service = service

    async def preview(self, request: gr.Request, *inputs: Any) -> AsyncIterator[list[Any]]:
        async for shown in self.make("preview", inputs, words_for(request)):
            yield shown

    async def dub(self, request: gr.Request, *inputs: Any) -> AsyncIterator[list[Any]]:
        async for shown in self.make("dub", inputs, words_for(request)):
            yield shown

    async def make(self, kind: str, inputs: tuple[Any, ...], words: Words) -> AsyncIterator[list[Any]]:
        """Post a job, and tell how far it is until it has ended."""
        for given, missing in zip(inputs, ("no_video", "no_speech"), strict=False):
            if not given:
                yield [notice(words[missing]), "", gr.skip(), gr.skip()]
                return
        try:
            posted = await run_in_threadpool(self.post, kind, *inputs)
            async for job in follow(self.service, posted):
                generator = self.service.queue.state()["generator"]
                yield [job_progress(job, words, generator), job.id, *self.results(job, words)]
        except InputError as error:
            yield [notice(str(error)), "", gr.skip(), gr.skip()]

    def post(self, kind: str, video: str, speech: str, references: str, strength: float, crf: float) -> Job:
        """A job of files that the browser has sent."""
        options = {"reference_frames": references.strip(), "lip_strength": strength, "crf": int(crf)}
        with ExitStack() as opened:
            files = {
                role: Upload(Path(path).name, opened.enter_context(open(path, "rb")))
                for role, path in (("video", video), ("speech", speech))
            }
            return self.service.submit(make_order({"kind": kind, **files, **options}, self.service.options))

    def results(self, job: Job, words: Words) -> list[Any]:
        """Values for picture and pair."""
        if job.state != COMPLETED:
            return [gr.skip(), gr.skip()]
        if job.kind == "preview":
            return [preview_picture(job, words), gr.skip()]
        return [gr.skip(), side_by_side(job, words)]

    def cancel(self, identity: str) -> None:
        """Cancel the job that is shown, if it has not ended."""
        if identity and (job := self.service.store.get(identity)) and not job.is_over:
            self.service.discard(identity)

    def list_jobs(self, request: gr.Request) -> str:
        return job_table(self.service.store.listed(most=50), words_for(request))
