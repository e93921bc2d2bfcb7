"""The page: a tab for each thing that people do here, in the language of the browser."""

from pathlib import Path

import gradio as gr
from fastapi import FastAPI

from serving.job_queue import READY
from serving.page.data import add_data
from serving.page.dub import add_dub
from serving.page.files import router
from serving.page.fragments import generator_line
from serving.page.live import add_live
from serving.page.runs import add_runs
from serving.page.words import I18N, translated, words_for
from serving.service import Service

HERE = Path(__file__).parent
FONTS = ("system-ui", "Segoe UI", "Noto Sans", "Noto Sans CJK SC", "Microsoft YaHei", "PingFang SC", "sans-serif")
LOOKING = 3.0  # seconds between looks at the generator
CLEANING, OLD = 3600, 24 * 3600  # seconds: how often, and how old uploads of the page are that are deleted


def add_page(app: FastAPI, service: Service) -> None:
    """Mount the page at /, which takes all addresses that nothing before it has."""
    app.include_router(router)
    theme = gr.themes.Default(font=FONTS, font_mono=("ui-monospace", "monospace"))
    gr.mount_gradio_app(
        app, build_page(service), "/", i18n=I18N, theme=theme, css_paths=HERE / "page.css", footer_links=[],
        max_file_size=service.options.max_upload * 10**6, run_history=False, pwa=False, ssr_mode=False,
    )  # fmt: skip


def build_page(service: Service) -> gr.Blocks:
    with gr.Blocks(title="DINet lip sync", analytics_enabled=False, delete_cache=(CLEANING, OLD)) as page:
        with gr.Row(elem_id="head"):
            gr.Markdown(translated("heading"))
            state, timer = gr.HTML(elem_id="generator"), gr.Timer(LOOKING)
        with gr.Tab(translated("dub"), id="dub"):
            add_dub(service)
        with gr.Tab(translated("live"), id="live"):
            add_live(page, service)
        with gr.Tab(translated("runs"), id="runs"):
            add_runs(page, service)
        with gr.Tab(translated("data"), id="data"):
            add_data(page, service)

        def look(request: gr.Request) -> tuple[str, gr.Timer]:
            """A line about the generator; once it is loaded nobody looks any more."""
            found = service.queue.state()
            return generator_line(words_for(request), **found), gr.Timer(active=found["generator"] != READY)

        gr.on([page.load, timer.tick], look, None, [state, timer], show_progress="hidden", api_visibility="private")
    return page
