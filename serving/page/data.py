"""The page Data: what make_dataset.py made of raw footage."""

from html import escape
from pathlib import Path
from urllib.parse import quote

import gradio as gr

from serving.page.words import translated, words_for
from serving.reports import find_reports
from serving.service import Service


def add_data(page: gr.Blocks, service: Service) -> None:
    """Build the page, within gr.Blocks."""
    chosen = gr.Dropdown(label=translated("report"), choices=[], elem_id="chosen_report")
    report = gr.HTML(elem_id="report")
    actions = DataActions(Path(service.options.data_folder), Path(service.options.runs_folder))
    page.load(actions.choices, None, [chosen, report], show_progress="hidden", api_visibility="private")
    chosen.input(frame, chosen, report, show_progress="hidden", api_visibility="private")


class DataActions:
    """What is shown of the reports in two folders; see find_reports."""

    def __init__(self, data_folder: Path, runs_folder: Path):
        self.folders = data_folder, runs_folder

    def choices(self, request: gr.Request) -> tuple[gr.Dropdown, str]:
        """What can be chosen, and the first of it, or what is said where there is nothing."""
        names = list(find_reports(*self.folders))
        shown = frame(names[0]) if names else f"<p>{escape(words_for(request)['no_report'])}</p>"
        return gr.Dropdown(choices=names, value=names[0] if names else None), shown


def frame(name: str) -> str:
    return f'<iframe class="report" src="data/report?name={quote(name, safe="")}"></iframe>'
