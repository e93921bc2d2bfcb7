"""The page Runs: curves, held-out pictures and options of training, also while it runs."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

import gradio as gr
import pandas as pd

from serving.page.words import translated, words_for
from serving.runs import VIDEOS, Stage, curves, find_stages
from serving.service import Service

MOST_RUNS, MOST_SAMPLES, COLUMNS = 6, 12, 3
QUIET = {"show_progress": "hidden", "api_visibility": "private"}


def add_runs(page: gr.Blocks, service: Service) -> None:
    """Build the page, within gr.Blocks."""
    actions = RunActions(Path(service.options.runs_folder))
    chosen = gr.Dropdown(
        label=translated("chosen_runs"), info=translated("chosen_runs_info"), multiselect=True, max_choices=MOST_RUNS,
        choices=[], elem_id="chosen_runs",
    )  # fmt: skip
    refresh = gr.Button(translated("refresh"), size="sm")
    empty = gr.HTML()
    with gr.Accordion(translated("pictures")):
        samples = gr.HTML(elem_id="samples")
    with gr.Accordion(translated("curves"), elem_id="curves"):
        gr.render(chosen, [chosen.change, refresh.click], show_progress="hidden")(actions.plots)
    with gr.Accordion(translated("run_options"), open=False):
        options = gr.JSON(show_label=False)
    gr.on([page.load, refresh.click], actions.choices, chosen, [chosen, empty], **QUIET)
    gr.on([chosen.change, refresh.click], actions.details, chosen, [samples, options], **QUIET)


class RunActions:
    """What is shown of the runs below `root`."""

    def __init__(self, root: Path):
        self.root = root

    def stages(self, names: Sequence[str] | None) -> list[Stage]:
        """Those of these names that are there."""
        found = {stage.name: stage for stage in find_stages(self.root)}
        return [found[name] for name in names or () if name in found]

    def choices(self, request: gr.Request, chosen: list[str] | None) -> tuple[gr.Dropdown, str]:
        """What can be chosen now; the newest is, where nothing was. And what is said where there is nothing."""
        names = [stage.name for stage in find_stages(self.root)]
        kept = [name for name in chosen or () if name in names] or names[:1]
        text = "" if names else words_for(request)["no_runs"].format(folder=self.root)
        return gr.Dropdown(choices=names, value=kept), f"<p>{escape(text)}</p>"

    def details(self, request: gr.Request, names: list[str] | None) -> tuple[str, dict]:
        """Pictures and options of the first that is chosen."""
        stages = self.stages(names)
        if not stages:
            return "", {}
        shown = "".join(map(sample, stages[0].samples(MOST_SAMPLES))) or escape(words_for(request)["no_pictures"])
        return f'<div class="samples">{shown}</div>', stages[0].options()

    def plots(self, names: list[str] | None) -> None:
        """A panel for each measure, held-out ones first, a line for each stage."""
        stages = self.stages(names)
        measures = list(curves(stages).items())
        for start in range(0, len(measures), COLUMNS):
            with gr.Row():
                for name, points in measures[start : start + COLUMNS]:
                    plot(name, points, len(stages) > 1)


def plot(name: str, points: list[tuple[float, float, str]], has_many: bool) -> None:
    table = pd.DataFrame(points, columns=["step", "value", "run"])
    is_line = table["run"].value_counts().max() > 1  # a line of one point is not seen
    (gr.LinePlot if is_line else gr.ScatterPlot)(
        table, x="step", y="value", color="run" if has_many else None, title=name, y_title=" ", height=220,
        x_axis_format="~s", y_axis_format="~g", min_width=260, container=False,
    )  # fmt: skip


def sample(path: str) -> str:
    """A picture or video that a run has drawn."""
    address, name = f"runs/{quote(path)}", escape(path.rpartition("/")[2])
    if path.endswith(VIDEOS):
        shown = f'<video src="{address}" controls muted loop playsinline preload="metadata"></video>'
    else:
        shown = f'<a href="{address}" target="_blank"><img src="{address}" loading="lazy" alt="{name}"></a>'
    return f"<figure>{shown}<figcaption>{name}</figcaption></figure>"
