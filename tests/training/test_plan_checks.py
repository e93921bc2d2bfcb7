"""What a stage works on and with is looked at before the run: data, devices, networks to start from, room."""

import dataclasses
import functools
import json
import re
import shutil
import warnings
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
import tiny_set
import torch
from tiny_set import make_tiny_set

from config.config import ClipOptions, FrameOptions, RunOptions, StageOptions, SyncNetOptions
from config.errors import InputError
from dataset.manifest import Manifest, load_manifest
from face.masks import source_mask
from models.device import why_no_gpu
from models.loading import load_generator
from training.checkpoints import save_checkpoint
from training.flags import read_flags
from training.generator_stage import generator_start, initial_generator
from training.parallel import Parallel
from training.placement import check_shares, shared_precision, with_precision
from training.plan import PlannedStage, make_plan, plan_stages
from training.plan_checks import check_data, network_spec
from training.sequence import build_stage
from training.stage_files import Stage, read_stages
from training.state import TrainingState
from training.syncnet_stage import syncnet_spec

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
NARROW = {"base_channels": 8, "lamb_perception": 0.0, "lamb_gan": 0.0, "lamb_mouth": 1.0, "val_fraction": 0.25}


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return make_tiny_set(tmp_path_factory.mktemp("set"))


@pytest.fixture(scope="module")
def manifest(data) -> Manifest:
    return load_manifest(data)


@pytest.fixture(scope="module")
def few(tmp_path_factory) -> Manifest:
    return load_manifest(make_tiny_set(tmp_path_factory.mktemp("few"), videos=2))


def plan(tmp_path: Path, *stages: Stage, resume: bool = True) -> list[PlannedStage]:
    flags = ["--name", "run", "--result_path", str(tmp_path / "out"), *(["--resume"] if resume else [])]
    run, _ = read_flags("test", flags)
    return make_plan(run, stages, Parallel(CPU), functools.cache(load_manifest))


def write_checkpoint(folder: Path, options: StageOptions, **changed) -> Path:
    """A checkpoint to go on from, as training writes it, but for what is changed."""
    state = TrainingState.of(build_stage(options, load_manifest(options.train_data), Parallel(CPU)))
    return save_checkpoint(folder, 1, {**state.content(finished=False), **changed}, keep=1)


@pytest.fixture(scope="module")
def unjudged(manifest, tmp_path_factory) -> str:
    spec = syncnet_spec(SyncNetOptions(mouth_size=32), manifest)
    path = tmp_path_factory.mktemp("syncnet") / "syncnet.pth"
    torch.save({"spec": vars(spec), "state_dict": {"syncnet": spec.build().state_dict()}}, path)
    return str(path)


# The training set.


@pytest.mark.parametrize("options", [FrameOptions(val_fraction=0.05), ClipOptions(val_fraction=0.1)])
def test_a_held_out_part_without_samples_is_refused_by_the_names_of_its_videos(few, options):
    with pytest.raises(InputError, match=r"stage s: .*--val_fraction 0\.(05|1): .*video 0.*another --val_fraction"):
        check_data("s", options, few)
    check_data("s", FrameOptions(val_fraction=0.0), few)


def test_a_syncnet_that_cannot_be_judged_is_said(few, manifest, capsys):
    check_data("s", SyncNetOptions(val_fraction=0.25), manifest)
    assert not capsys.readouterr().out
    check_data("s", SyncNetOptions(val_fraction=0.25), few)
    assert "--val_fraction 0.25 (video 0" in capsys.readouterr().out


def test_a_training_set_is_read_once_for_all_stages_that_name_it(data, tmp_path, monkeypatch):
    from training import sequence

    read = []
    monkeypatch.setattr(sequence, "load_manifest", lambda path: read.append(path) or load_manifest(path))
    monkeypatch.setattr(sequence, "run_stage", lambda stage, *_: stage.folder)
    for name in ("a", "b"):
        (tmp_path / "stages").mkdir(exist_ok=True)
        (tmp_path / "stages" / f"{name}.py").write_text("".join(f"{key} = {NARROW[key]}\n" for key in NARROW))
    common = ["--name", "run", "--result_path", str(tmp_path), "--config_folder", str(tmp_path / "stages")]
    sequence.train_sequence(*read_flags("test", [*common, "--train_data", str(data)]), lambda device: Parallel(CPU))
    assert read == [str(data)]


@pytest.mark.parametrize("unknown", ["lip_opening", "pitch"])
def test_references_by_pose_want_a_json_that_knows_it(data, unknown):
    content = json.loads(data.read_text(encoding="utf-8"))
    for clip in content["videos"]["video 1 [视频]"]["clip_data_list"]:
        del clip[unknown]
    old = data.with_name("old.json")
    old.write_text(json.dumps(content), encoding="utf-8")
    for manifest, rule, refused in (
        (old, "random", 0),
        (old, "pose_lips", 1),
        (old, "pose_spread", 1),
        (data, "pose_lips", 0),
    ):
        options = FrameOptions(references=rule, val_fraction=0.25)
        if not refused:
            check_data("s", options, load_manifest(manifest))
            continue
        with pytest.raises(
            InputError, match=f"stage s: --references {rule}: video video 1 .*--generate_training_json again"
        ):
            check_data("s", options, load_manifest(manifest))


def test_a_syncnet_stage_has_no_references(tmp_path):
    with pytest.raises(InputError, match="--references is an option of frame and clip stages"):
        read_stages("config/experiment/syncnet.py", "", {"references": "pose_lips"})


@pytest.mark.parametrize(
    "model, hide, mask",
    [
        ("dinet", "mouth", "box"),
        ("dinet", "below", "box_below"),
        ("lawdnet", "below", "smooth_below"),
        ("lawdnet", "half", "half"),
    ],
)
def test_a_checkpoint_says_what_its_generator_must_not_see(manifest, tmp_path, model, hide, mask):
    options = FrameOptions(train_data=str(manifest.path), model=model, hide=hide, **{**NARROW, "base_channels": 4})
    path = write_checkpoint(tmp_path, options)
    assert load_generator(path, "--flag").spec.mask == mask
    hidden = build_stage(options, manifest, Parallel(CPU)).phases[0].losses.mask
    assert np.array_equal(hidden.numpy(), source_mask(mask, options.mouth_size))


# Devices.


@pytest.mark.parametrize(
    "words, parallel, options",
    [
        ("--batch_size 2 or more", Parallel(CPU), {"batch_size": 1}),
        ("--batch_size 4 or more", Parallel(CPU), {"batch_size": 2, "accumulate": 2}),
        ("--batch_size 6 or more", Parallel(CPU), {"batch_size": 5, "accumulate": 3}),
        ("--batch_size 4 or more", Parallel(CUDA, num_replicas=2), {"batch_size": 3}),
        ("--batch_size 4 or more", Parallel(CPU, world_size=2), {"batch_size": 2}),
        ("--accumulate 3 passes, but a process has 2", Parallel(CPU), {"batch_size": 2, "accumulate": 3}),
        ("give at most 2", Parallel(CPU, world_size=2), {"batch_size": 4, "accumulate": 3, "mouth_size": 64}),
        ("", Parallel(CPU), {"batch_size": 2}),
        ("", Parallel(CUDA, world_size=2), {"batch_size": 2}),  # SyncBatchNorm sees both
        ("", Parallel(CPU), {"batch_size": 1, "mouth_size": 64}),
        ("", Parallel(CPU), {"batch_size": 1, "stage": "clip"}),  # five frames
        ("", Parallel(CPU), {"batch_size": 1, "model": "lawdnet"}),
        ("", Parallel(CPU), {"batch_size": 1, "freeze_norms": True}),
    ],
)
def test_a_batch_that_cannot_be_divided_so_is_refused(manifest, words, parallel, options):
    kind = ClipOptions if options.get("stage") == "clip" else FrameOptions
    chosen = kind(**{"mouth_size": 32, "base_channels": 4, **options})
    if not words:
        return check_shares("s", chosen, manifest, parallel)
    with pytest.raises(InputError, match=f"stage s: .*{words}"):
        check_shares("s", chosen, manifest, parallel)


@pytest.mark.parametrize("capabilities, expected", [([(8, 0), (9, 0)], "bf16"), ([(9, 0), (7, 5)], "fp32")])
def test_auto_is_one_precision_for_all_gpus_and_every_stage(monkeypatch, capabilities, expected):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capabilities[device.index])
    shared = shared_precision(Parallel(CUDA, num_replicas=2))
    stages = [Stage("a", FrameOptions()), Stage("b", FrameOptions(precision="fp16"))]
    assert [s.options.precision for s in with_precision(stages, CUDA, shared)] == [expected, "fp16"]
    with pytest.raises(InputError, match="stage b: --precision fp16"):
        with_precision(stages, CPU, "fp32")


@pytest.mark.parametrize(
    "capabilities, visible, words",
    [
        ([(9, 0), (6, 1), (8, 0)], None, "GPU 1, .*6.1.*CUDA_VISIBLE_DEVICES=0,2"),
        ([(6, 1), (8, 0)], "3,5", "GPU 0, .*CUDA_VISIBLE_DEVICES=5"),
        ([(6, 1)], None, "GPU 0, .*install a build of PyTorch"),
        ([(9, 0), (8, 6)], None, "^$"),
    ],
)
def test_a_gpu_that_cannot_be_used_is_named_and_left_out(monkeypatch, capabilities, visible, words):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: ["sm_80", "sm_90"])
    monkeypatch.setattr(torch.cuda, "device_count", lambda: len(capabilities))
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda index: capabilities[index])
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: "a card")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert re.search(words, why_no_gpu())


@pytest.mark.parametrize(
    "said, words",
    [
        ("The NVIDIA driver on your system is too old (found version 10020).", "driver is too old for this PyTorch"),
        ("CUDA driver initialization failed, you might not have a CUDA gpu.", r"cannot be started \(CUDA driver init"),
        ("Unexpected error from cudaGetDeviceCount(). Error 802: system not yet initialized", "started .*Error 802"),
    ],
)
def test_a_gpu_that_cannot_be_started_is_not_taken_for_none(monkeypatch, said, words):
    def is_available() -> bool:
        warnings.warn(f"CUDA initialization: {said} (Triggered internally at CUDAFunctions.cpp:119.)", stacklevel=1)
        return False

    monkeypatch.setattr(torch.cuda, "is_available", is_available)
    assert re.search(words, why_no_gpu()) and "sees no GPU" not in why_no_gpu()


def test_a_build_without_cuda_beside_a_driver_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", None)
    monkeypatch.setattr("models.device.DRIVERS", (tmp_path / "nvidiactl",))
    assert re.search("sees no GPU", why_no_gpu())
    (tmp_path / "nvidiactl").touch()
    assert re.search("built without CUDA; rm -r .venv, then TORCH_INDEX= ./setup.sh", why_no_gpu())


# Networks to start from.


def test_a_stage_that_hears_another_feature_than_the_one_before_it_is_refused(data, tmp_path, monkeypatch):
    monkeypatch.setattr(tiny_set, "CHANNELS", 6)
    other = make_tiny_set(tmp_path / "other")
    first = Stage("a", FrameOptions(train_data=str(other), **NARROW))
    second = Stage("b", FrameOptions(train_data=str(data), starts_from="a", **NARROW))
    with pytest.raises(InputError, match="stage b: a, which it starts from: hears mel with 6 values.*12"):
        plan(tmp_path, first, second)
    syncnet = Stage("s", SyncNetOptions(train_data=str(other), val_fraction=0.25))
    clip = Stage("c", ClipOptions(train_data=str(data), syncnet_from="s", **NARROW))
    with pytest.raises(InputError, match="stage c: s, which it starts from: hears mel with 6 values"):
        plan(tmp_path, syncnet, clip)


def test_a_checkpoint_of_an_earlier_run_of_this_name_is_opened_before_the_run(data, tmp_path):
    options = FrameOptions(train_data=str(data), mouth_size=64, **NARROW)
    second = Stage("b", FrameOptions(train_data=str(data), starts_from="a", **NARROW))
    path = write_checkpoint(tmp_path / "out" / "run" / "a", options)
    assert plan(tmp_path, second)[0].options.pretrained_path == str(path)
    wider = Stage("b", FrameOptions(train_data=str(data), starts_from="a", **{**NARROW, "base_channels": 16}))
    with pytest.raises(InputError, match="--pretrained_path .*arguments"):
        plan(tmp_path, wider)
    path.write_bytes(b"junk")
    with pytest.raises(InputError, match="--pretrained_path .*not a readable PyTorch checkpoint"):
        plan(tmp_path, second)


def test_a_clip_stage_whose_only_loss_is_a_refused_syncnet_s_is_refused(data, tmp_path, unjudged):
    none = {"lamb_perception": 0.0, "lamb_gan": 0.0, "lamb_gan_clip": 0.0, "base_channels": 8}
    common = {"train_data": str(data), "pretrained_syncnet_path": unjudged, "val_fraction": 0.25, **none}
    with pytest.raises(InputError, match="stage c: its only loss .*never judged.*--trust_syncnet"):
        plan(tmp_path, Stage("c", ClipOptions(**common)))
    (left,) = plan(tmp_path, Stage("c", ClipOptions(**common, lamb_mouth=1.0)))
    assert left.options.lamb_sync == 0.0
    (trusted,) = plan(tmp_path, Stage("c", ClipOptions(**common, trust_syncnet=True)))
    assert trusted.options.lamb_sync == 0.1


# What a run goes on with.


def test_a_sync_loss_that_stays_left_out_is_no_changed_option(data, tmp_path, unjudged, capsys):
    options = {"train_data": str(data), "lamb_gan_clip": 0.0, "pretrained_syncnet_path": unjudged, **NARROW}
    write_checkpoint(tmp_path / "out" / "run" / "c", ClipOptions(lamb_sync=0.0, **options))
    plan(tmp_path, Stage("c", ClipOptions(**options)))
    assert "goes on with other options" not in capsys.readouterr().out
    plan(tmp_path, Stage("c", ClipOptions(trust_syncnet=True, **options)))
    assert "lamb_sync 0.0 -> 0.1, trust_syncnet False -> True" in capsys.readouterr().out


def test_the_precision_of_a_checkpoint_that_left_it_open_has_not_changed(data, tmp_path, capsys):
    write_checkpoint(tmp_path / "out" / "run" / "f", FrameOptions(train_data=str(data), **NARROW))
    plan(tmp_path, Stage("f", FrameOptions(train_data=str(data), precision="fp32", **NARROW)))
    assert "precision" not in capsys.readouterr().out


def test_a_finished_stage_needs_no_data(data, tmp_path):
    options = FrameOptions(train_data=str(data), **NARROW)
    write_checkpoint(tmp_path / "out" / "run" / "f", options, finished=True)
    gone = FrameOptions(train_data="nowhere.json", starts_from="nowhere", **NARROW)
    (stage,) = plan(tmp_path, Stage("f", gone))
    assert stage.finished
    with pytest.raises(InputError, match="--base_channels 8, now 16"):
        plan(tmp_path, Stage("f", FrameOptions(**{**NARROW, "base_channels": 16})))


def test_a_best_of_another_measure_starts_anew(data):
    options = ClipOptions(train_data=str(data), lamb_gan_clip=0.0, lamb_sync=0.0, **NARROW)
    state = TrainingState.of(build_stage(options, load_manifest(data), Parallel(CPU)))
    content = {"epoch": 3, **state.content(finished=False), "best": 21.0}
    for best_by, expected in ("val/mouth_psnr", 21.0), ("val/sync", -float("inf")), (None, 21.0):
        state.restore({**content, "best_by": best_by})
        assert state.best == expected
    state.restore({**content, "best_by": None, "options": {**content["options"], "lamb_sync": 0.1}})
    assert state.best == -float("inf")


@pytest.mark.parametrize(
    "record, words",
    [
        ({"rule": "", "frames": {"train": {}, "held_out": {}}}, "until now nothing was held out, from now on 1 of 5"),
        ({"frames": []}, "cannot be read"),
        (None, ""),
    ],
)
def test_a_run_that_held_out_other_videos_is_told(data, tmp_path, capsys, record, words):
    options = FrameOptions(train_data=str(data), **NARROW)
    folder = write_checkpoint(tmp_path / "out" / "run" / "f", options).parent
    if record is None:
        record = build_stage(options, load_manifest(data), Parallel(CPU)).parts.record()
    (folder / "split.json").write_text(json.dumps(record), encoding="utf-8")
    plan(tmp_path, Stage("f", options))
    warned = [line for line in capsys.readouterr().out.splitlines() if "split.json" in line]
    assert len(warned) == bool(words) and words in "".join(warned)


# Room.


def test_the_room_is_that_of_all_stages_less_what_is_there(data, tmp_path, monkeypatch):
    options = FrameOptions(train_data=str(data), non_decay=40, decay=0, **NARROW)  # 3 checkpoints kept, and the best
    stages = [Stage("a", options), Stage("b", options)]
    path = write_checkpoint(tmp_path / "out" / "run" / "a", options)
    state = torch.load(path, weights_only=True)["state_dict"]["net_g"]
    size = 4 * sum(tensor.nbytes for tensor in state.values())
    free = shutil.disk_usage(tmp_path)
    usage = namedtuple("usage", free._fields)

    def plan_with(free: float) -> None:
        monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(0, 0, free))
        plan(tmp_path, *stages)

    for there in (0, 3, 4):
        for number in range(there):
            shutil.copy(path, path.with_name(f"epoch_{number + 2:06d}.pth"))
        written = sum(file.stat().st_size for file in path.parent.glob("*.pth"))
        needed = max(0, 4 * size - written) + 4 * size + size
        plan_with(needed + 0.1 * size)
        with pytest.raises(InputError, match="--result_path: .* MB are needed"):
            plan_with(needed - 0.1 * size)


def test_stages_that_continue_no_other_begin_from_the_base(data, tmp_path):
    path = write_checkpoint(tmp_path / "base", FrameOptions(train_data=str(data), mouth_size=64, **NARROW))
    options = FrameOptions(train_data=str(data), base=str(path), **NARROW)
    first, second = plan(tmp_path, Stage("a", options), Stage("b", dataclasses.replace(options, starts_from="a")))
    assert generator_start(first.options) == (str(path), "--base")
    assert generator_start(second.options) == ("", "--pretrained_path")  # a's, once a is trained
    wanted, begun = (
        load_generator(path, "--base").network,
        initial_generator(options, network_spec(options, load_manifest(data))),
    )
    assert all(
        torch.equal(a, b) for a, b in zip(wanted.state_dict().values(), begun.state_dict().values(), strict=True)
    )
    with pytest.raises(InputError, match="^--base .*: arguments is"):
        plan(tmp_path, Stage("a", dataclasses.replace(options, base_channels=16)))
    with pytest.raises(InputError, match="^--base .*: no such file"):
        plan(tmp_path, Stage("a", dataclasses.replace(options, base="none.pth")))


def test_a_base_or_a_frozen_hearing_that_no_stage_has_is_refused(tmp_path):
    file = tmp_path / "frame.py"
    file.write_text('stage = "frame"\nstarts_from = "other"\n')
    run = RunOptions(config_path=str(file))
    assert plan_stages(run, {"freeze_hearing": True})[0].options.freeze_hearing
    with pytest.raises(InputError, match="--base: no stage begins from it, .*frame"):
        plan_stages(run, {"base": "x.pth"})
    with pytest.raises(InputError, match="--freeze_hearing: none of the stages .frame. continues another"):
        plan_stages(run, {"freeze_hearing": True, "starts_from": ""})
