"""What a run will do is known, and refused where it cannot be done, before anything of it runs."""

import functools
import json
from pathlib import Path

import pytest
import torch
from tiny_set import make_tiny_set

from config.config import STAGE_KINDS, ClipOptions, FrameOptions
from config.errors import InputError
from dataset.manifest import load_manifest
from training.checkpoints import save_checkpoint
from training.flags import read_flags
from training.parallel import Parallel
from training.plan import PlannedStage, in_order, make_plan, plan_stages
from training.run_folder import locked, run_folder
from training.sequence import build_stage, train_sequence
from training.stage_files import Stage, read_stages
from training.state import TrainingState

ROOT = Path(__file__).resolve().parents[2]
CPU = Parallel(torch.device("cpu"))


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return make_tiny_set(tmp_path_factory.mktemp("set"))


def write(folder: Path, **files: str) -> str:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    return str(folder)


def planned(folder: str, *flags: str) -> list[Stage]:
    return plan_stages(*read_flags("test", ["--config_folder", folder, *flags]))


@pytest.mark.parametrize(
    "text, words",
    [
        ("learning_rate = 1", "unknown option learning_rate"),
        ("lamb_gan_clip = 1.0", "lamb_gan_clip is an option of clip stages; a frame stage"),
        ("stage = 'syncnet'\nmodel = 'dinet'", "model is an option of frame and clip stages; a syncnet stage"),
        ("stage = 'photo'", "stage is 'photo'"),
        ("stage = []", "stage is []"),
        ("lr_g = float('nan')", "lr_g is nan; expected a finite number"),
        ("max_minutes = float('inf')", "max_minutes is inf"),
        ("batch_size = 10**12", "batch_size is 1000000000000; expected at most"),
        ("seed = 2**70", "seed is"),
        ("batch_size = True", "batch_size is True"),
        ("batch_size = '2'", "batch_size is '2'"),
        ("mouth_size = 50", "mouth_size is 50"),
        ("mouth_size = 32", "--mouth_size 32 is too small for discriminators; set --lamb_gan to 0"),
        (
            "stage = 'clip'\nlamb_sync = 0.0\nmouth_size = 32\nlamb_gan = 0.0",
            "--lamb_gan and --lamb_gan_clip to 0, or a larger",
        ),
        ("non_decay = 0\ndecay = 0", "at least one epoch"),
        ("lamb_perception = 0.0\nlamb_gan = 0.0", "no loss on the pictures"),
        ("stage = 'clip'", "--pretrained_syncnet_path is not set"),
        ("import sys; sys.exit(0)", "SystemExit"),
        ("while True: pass", "TimeoutError"),
        ("1 / 0", "ZeroDivisionError"),
        ("stage = ", "SyntaxError"),
    ],
)
def test_a_wrong_stage_file_is_one_line_that_names_the_folder_and_the_file(tmp_path, monkeypatch, text, words):
    monkeypatch.setattr("training.stage_files.LONGEST_SECONDS", 0.2)
    folder = write(tmp_path / "stages", frame_64=text)
    with pytest.raises(InputError) as refused:
        planned(folder)
    message = str(refused.value)
    assert words in message and "frame_64" in message and "\n" not in message


def test_what_a_folder_shares_goes_to_the_stages_that_use_it_and_the_file_wins(tmp_path):
    folder = write(
        tmp_path / "stages",
        _common="lamb_mouth = 3.0\nseed = 7\nlamb_sync = 0.0",
        frame_64="seed = 8",
        clip_64="stage = 'clip'",
        syncnet="stage = 'syncnet'",
    )
    stages = {stage.name: stage.options for stage in read_stages("", folder, {})}
    assert list(stages) == ["clip_64", "frame_64", "syncnet"]
    assert (stages["frame_64"].lamb_mouth, stages["frame_64"].seed, stages["syncnet"].seed) == (3.0, 8, 7)
    assert stages["clip_64"].lamb_sync == 0.0
    write(tmp_path / "stages", _common="no_such = 1")
    with pytest.raises(InputError, match="unknown option no_such"):
        read_stages("", folder, {})


def test_a_flag_goes_to_the_stages_that_use_it_and_is_refused_where_none_does(tmp_path):
    folder = write(tmp_path / "stages", frame_64="", syncnet="stage = 'syncnet'")
    frame, syncnet = sorted(planned(folder, "--base_channels", "8", "--lr_g", "0.5"), key=lambda stage: stage.name)
    assert frame.options.base_channels == 8 and frame.options.lr_g == syncnet.options.lr_g == 0.5
    with pytest.raises(InputError, match="--trust_syncnet is an option of clip stages"):
        planned(folder, "--trust_syncnet")


def test_a_stage_sees_the_options_of_its_kind_alone():
    names = {kind: set(options.__dataclass_fields__) for kind, options in STAGE_KINDS.items()}
    assert "lamb_contrast" not in names["frame"] | names["clip"] and "lamb_gan" not in names["syncnet"]
    assert names["clip"] - names["frame"] == {
        *("lamb_gan_clip", "lamb_sync", "syncnet_from", "pretrained_syncnet_path", "trust_syncnet")
    }


def test_stages_follow_those_they_start_from_whatever_their_size():
    small, large = Stage("a", FrameOptions(starts_from="b")), Stage("b", FrameOptions(mouth_size=256))
    clip = Stage("c", ClipOptions(mouth_size=64, starts_from="a", lamb_sync=0.0))
    assert [stage.name for stage in in_order([clip, small, large])] == ["b", "a", "c"]
    with pytest.raises(InputError, match="circle: a, b"):
        in_order([Stage("a", FrameOptions(starts_from="b")), Stage("b", FrameOptions(starts_from="a"))])


@pytest.mark.parametrize(
    "files, words",
    [
        ({"a": "starts_from = 's'", "s": "stage = 'syncnet'"}, "s is a syncnet stage"),
        ({"a": "starts_from = 'b'", "b": "base_channels = 8"}, "--base_channels is 64, but b"),
        ({"a": "starts_from = 'b'\nmodel = 'lawdnet'", "b": ""}, "--model is lawdnet, but b"),
        ({"a": "stage = 'clip'\nsyncnet_from = 'b'", "b": ""}, "b is a frame stage"),
    ],
)
def test_stages_that_do_not_fit_each_other_are_refused(tmp_path, files, words):
    with pytest.raises(InputError, match=words):
        planned(write(tmp_path / "stages", **files))


@pytest.mark.parametrize("name", ["", ".", "..", "../up", "a/../b", "/abs", "a//b", "a/.", "..\\up", "x" * 300])
def test_a_name_is_a_folder_inside_the_runs_folder(tmp_path, name):
    run, _ = read_flags("test", ["--result_path", str(tmp_path), "--name", name])
    with pytest.raises(InputError, match="--name"):
        run_folder(run)
    assert not list(tmp_path.iterdir())


def test_one_training_holds_a_run_and_a_second_is_told_which(tmp_path):
    with locked(tmp_path / "run", "run"):
        with pytest.raises(InputError, match="--name run: process [0-9]+ on .* trains in"):
            with locked(tmp_path / "run", "run"):
                pass
    with locked(tmp_path / "run", "run"):
        pass
    assert {path.name for path in (tmp_path / "run").iterdir()} <= {".lock"}


SMALL = "base_channels = 8\nlamb_perception = 0.0\nlamb_mouth = 1.0\nval_fraction = 0.25\n"


def checkpoint(folder: Path, data: Path, **changed) -> Path:
    """A checkpoint to go on from, as training writes it, but for what is changed."""
    manifest = load_manifest(data)
    options = FrameOptions(
        base_channels=8, lamb_perception=0.0, lamb_mouth=1.0, val_fraction=0.25, train_data=str(data)
    )
    state = TrainingState.of(build_stage(options, manifest, CPU))
    return save_checkpoint(folder, 1, {**state.content(finished=False), **changed}, keep=1)


def plan_resumed(tmp_path: Path, data: Path, *flags: str) -> list[PlannedStage]:
    folder = write(tmp_path / "stages", frame=SMALL)
    common = ["--config_folder", folder, "--name", "run", "--result_path", str(tmp_path / "out"), "--resume"]
    run, stage_flags = read_flags("test", [*common, "--train_data", str(data), *flags])
    return make_plan(run, plan_stages(run, stage_flags), CPU, functools.cache(load_manifest))


@pytest.mark.parametrize(
    "flags, words",
    [
        (["--base_channels", "16"], "--base_channels 8, now 16"),
        (["--model", "lawdnet"], "--model dinet, now lawdnet"),
        (["--mouth_size", "96"], "--mouth_size 64, now 96"),
        (["--lamb_gan", "0"], "--lamb_gan"),
        (["--val_fraction", "0.4"], "--val_fraction 0.25, now 0.4"),
    ],
)
def test_resume_with_another_network_or_split_is_refused(tmp_path, data, flags, words):
    checkpoint(tmp_path / "out" / "run" / "frame", data)
    with pytest.raises(InputError, match=words):
        plan_resumed(tmp_path, data, *flags)


def test_resume_on_another_training_set_is_refused(tmp_path, data):
    checkpoint(tmp_path / "out" / "run" / "frame", data)
    other = make_tiny_set(tmp_path / "other", clips=6)
    with pytest.raises(InputError, match="another training set"):
        plan_resumed(tmp_path, other)


def test_resume_says_which_other_options_have_changed(tmp_path, data, capsys):
    checkpoint(tmp_path / "out" / "run" / "frame", data)
    plan_resumed(tmp_path, data, "--lr_g", "0.00005")
    assert "goes on with other options: lr_g 0.0001 -> 5e-05" in capsys.readouterr().out


@pytest.mark.parametrize(
    "changed",
    [{"step": "3"}, {"options": None}, {"optimizer": []}, {"finished": 0.5}, {"epoch": True}, {"state_dict": {}}],
)
def test_a_foreign_checkpoint_is_refused(tmp_path, data, changed):
    checkpoint(tmp_path / "out" / "run" / "frame", data, **changed)
    with pytest.raises(InputError, match="--resume"):
        plan_resumed(tmp_path, data)


def test_a_checkpoint_of_before_without_data_and_scaler_is_gone_on_from(tmp_path, data):
    path = checkpoint(tmp_path / "out" / "run" / "frame", data)
    content = torch.load(path, weights_only=True)
    for name in ("data", "scaler"):
        content.pop(name)
    content["options"].update(stage="frame", lamb_contrast=5.0, lamb_sync=0.1)  # options of every kind, as then
    torch.save(content, path)
    plan_resumed(tmp_path, data)


def test_the_dry_run_writes_nothing_and_says_what_goes_on(tmp_path, data, capsys):
    path = checkpoint(tmp_path / "out" / "run" / "frame", data)
    before = sorted(str(p) for p in tmp_path.rglob("*"))
    folder = write(tmp_path / "stages", frame=SMALL)
    flags = [
        "--config_folder",
        folder,
        "--name",
        "run",
        "--result_path",
        str(tmp_path / "out"),
        "--resume",
        "--dry_run",
    ]
    assert train_sequence(*read_flags("test", [*flags, "--train_data", str(data)]), lambda device: CPU) == 0
    printed = capsys.readouterr().out
    assert f"goes on: {path}" in printed and json.loads(printed.splitlines()[0].split(": ", 1)[1])["base_channels"] == 8
    after = sorted(str(p) for p in tmp_path.rglob("*") if "stages" not in p.parts)
    assert after == before
