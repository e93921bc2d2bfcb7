"""Training on a tiny set: every stage, resume, processes, and what is refused."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from tiny_set import make_tiny_set

from config.config import FrameOptions
from config.errors import InputError
from dataset.samples import TrainingSamples
from face.geometry import crop_size
from media.video import probe
from models.discriminator import Discriminator
from models.loading import load_generator, load_syncnet, read_checkpoint
from training.checkpoints import best_checkpoint, save_checkpoint
from training.flags import read_flags
from training.generator_losses import frozen_twin
from training.parallel import Parallel
from training.phases import Phase, mean_over_gpus, optimise
from training.placement import share_batch
from training.schedule import decayed
from training.sequence import train_sequence
from training.tracking import Tracker

RATE = 1e-5  # of the comparison of processes: small, so that rounding does not grow from step to step
TIMES = ("samples_per_second", "loading_share")  # what differs from run to run
ROOT = Path(__file__).resolve().parents[2]
SMALL = [
    *("--batch_size", "2", "--augment_num", "1", "--num_workers", "0", "--val_fraction", "0.25"),
    *("--precision", "fp32", "--wandb", "disabled", "--log_every", "1"),
]


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> str:
    return str(make_tiny_set(tmp_path_factory.mktemp("set")))


@pytest.fixture(autouse=True)
def one_thread():
    """The same number of threads as the child processes, so that sums are added in the same order."""
    torch.set_num_threads(1)


def stage_file(folder: Path, name: str, lamb_perception: float = 0.0, **options) -> Path:
    """A stage file of a small network, without VGG19, which takes most of the time, unless a test asks for it."""
    small: dict = {"mouth_size": 32}
    if options.get("stage") != "syncnet":
        small = {"mouth_size": 64, "base_channels": 8, "perceptual_weights": "random"}
        small["lamb_perception"] = lamb_perception
    options = {**small, **options}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.py"
    path.write_text("".join(f"{key} = {value!r}\n" for key, value in options.items()))
    return path


def on_cpu(_device: str) -> Parallel:
    return Parallel(torch.device("cpu"))


def run(arguments: list[str], data: str, result: Path, name: str = "run") -> None:
    common = ["--train_data", data, "--result_path", str(result), "--name", name]
    options, flags = read_flags("test", [*SMALL, *common, *arguments])
    train_sequence(options, flags, on_cpu)


def losses(folder: Path) -> list[dict]:
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [row for row in rows if "lr" in row]


@pytest.mark.parametrize("model, sizes", [("dinet", (64, 128)), ("lawdnet", (64,))])
def test_every_stage_runs_coarse_to_fine_and_starts_from_the_one_before(data, tmp_path, monkeypatch, model, sizes):
    monkeypatch.setattr("training.generator_validation.VIDEO_FRAMES", 12)
    stages = tmp_path / "stages"
    one_epoch = {"non_decay": 1, "decay": 0}
    stage_file(stages, "syncnet", stage="syncnet", **one_epoch)
    stage_file(stages, "frame_64", lamb_perception=10.0, lamb_gan_mouth=0.1, stage="frame", **one_epoch)
    for before, size in zip(sizes, sizes[1:], strict=False):  # the larger ones without what takes most of the time
        options = {"mouth_size": size, "starts_from": f"frame_{before}", "lamb_gan": 0.0, "lamb_mouth": 1.0}
        stage_file(stages, f"frame_{size}", stage="frame", **options, **one_epoch)
    last = sizes[-1]
    options = {"mouth_size": last, "starts_from": f"frame_{last}", "syncnet_from": "syncnet", "lamb_gan": 0.0}
    stage_file(stages, f"clip_{last}", stage="clip", trust_syncnet=True, **options, **one_epoch)  # it learned nothing
    run(["--config_folder", str(stages), "--model", model], data, tmp_path)
    folder = tmp_path / "run"
    judged = {"gan_image", "d_gan_image", "gan_mouth", "d_gan_mouth"}
    assert {"perception", *judged} <= set(losses(folder / "frame_64")[-1])
    clip = losses(folder / f"clip_{last}")[-1]
    assert {"gan_clip", "sync", "d_gan_clip", "opening"} <= set(clip)
    assert ("pixel" in clip) == (model == "lawdnet")
    loaded = load_generator(folder / f"clip_{last}" / "epoch_000001.pth", "--x")
    assert (loaded.spec.network, loaded.spec.audio_feature, loaded.spec.mouth_size) == (model, "mel", last)
    assert load_syncnet(folder / "syncnet" / "epoch_000001.pth", "--x").spec.mouth_size == 32
    start = read_checkpoint(folder / f"clip_{last}" / "epoch_000001.pth", "--x")["options"]["pretrained_path"]
    assert start == str(folder / f"frame_{last}" / "best.pth")
    assert list((folder / "frame_64" / "samples").glob("held_out_*.png"))
    assert (folder / "frame_64" / "curves.png").stat().st_size > 5000
    video = next((folder / f"clip_{last}" / "samples").glob("held_out_*.mp4"))
    assert probe(video).width == 2 * crop_size(last)[1] and probe(video).num_frames == 12
    held_out = [json.loads(line) for line in (folder / f"clip_{last}" / "metrics.jsonl").read_text().splitlines()][-1]
    scores = {"mouth_psnr", "mouth_motion", "mouth_texture", "mouth_opening", "opening_gain", "opening_heard", "sync"}
    assert {f"val/{name}" for name in scores} <= set(held_out)
    assert held_out["val/mouth_texture"] >= 0 and -1 <= held_out["val/mouth_opening"] <= 1
    held_out = json.loads((folder / "syncnet" / "split.json").read_text())["frames"]["held_out"]
    assert len(held_out) == 1
    validated = [json.loads(line) for line in (folder / "syncnet" / "metrics.jsonl").read_text().splitlines()][-1]
    assert 0 <= validated["val/offset_within_1"] <= 1


@pytest.mark.parametrize("stage", ["frame", "syncnet"])
def test_resumed_training_equals_uninterrupted(data, tmp_path, stage):
    path = str(stage_file(tmp_path, "stage", stage=stage, non_decay=2, decay=2, checkpoint_every=2))
    run(["--config_path", path], data, tmp_path, "whole")
    run(["--config_path", path], data, tmp_path, "parts")
    parts = tmp_path / "parts" / "stage"
    (parts / "epoch_000004.pth").unlink()  # as if the machine had stopped after epoch 2
    (parts / "metrics.jsonl").unlink()
    run(["--config_path", path, "--resume"], data, tmp_path, "parts")
    expected, found = losses(tmp_path / "whole" / "stage"), losses(parts)
    for row in (*expected, *found):
        for name in TIMES:
            row.pop(name)
    assert found == expected[-len(found) :] and len(found) == len(expected) // 2
    whole, resumed = (
        read_checkpoint(tmp_path / name / "stage" / "epoch_000004.pth", "--x") for name in ("whole", "parts")
    )
    averaged = "syncnet" if stage == "syncnet" else "net_g"
    trained = whole["training"][averaged]
    assert trained["updates"] == resumed["training"][averaged]["updates"] > 0
    assert_equal_states(trained["state_dict"], resumed["training"][averaged]["state_dict"])
    for network, state in whole["state_dict"].items():
        assert_equal_states(state, resumed["state_dict"][network])


@pytest.mark.parametrize("slow, method, seconds", [(TrainingSamples, "__getitem__", 0.3), (Tracker, "log", 1.0)])
def test_a_stage_says_where_its_time_went(data, tmp_path, monkeypatch, capsys, slow, method, seconds):
    work = getattr(slow, method)
    monkeypatch.setattr(slow, method, lambda *given: time.sleep(seconds) or work(*given))
    path = stage_file(tmp_path, "stage", stage="frame", non_decay=2, decay=0, lamb_gan=0.0, lamb_mouth=1.0)
    run(["--config_path", str(path)], data, tmp_path)
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("run/stage: "))
    names = ("training", "waiting for batches", "validating", "saving")
    shares = [float(re.search(rf"([0-9.]+) % {name}", line)[1]) for name in names]
    rows = losses(tmp_path / "run" / "stage")
    waits = [row["loading_share"] * 2 / row["samples_per_second"] for row in rows]  # seconds a step of two samples
    assert sum(shares) == pytest.approx(100, abs=0.3) and min(shares) >= 0
    assert all((wait > 0.6) if slow is TrainingSamples else (wait < 0.9) for wait in waits)


@pytest.mark.parametrize("before, after", [(0.9, 0.0), (0.0, 0.9)])
def test_averaging_may_be_switched_on_and_off_between_two_parts(data, tmp_path, before, after):
    path = str(stage_file(tmp_path, "stage", stage="syncnet", non_decay=2, decay=0, checkpoint_every=1))
    run(["--config_path", path, "--ema", str(before)], data, tmp_path)
    folder = tmp_path / "run" / "stage"
    (folder / "epoch_000002.pth").unlink()
    first = read_checkpoint(folder / "epoch_000001.pth", "--x")
    run(["--config_path", path, "--ema", str(after), "--resume"], data, tmp_path)
    second = read_checkpoint(folder / "epoch_000002.pth", "--x")
    assert list(first["training"]) == (["syncnet"] if before else [])
    assert list(second["training"]) == (["syncnet"] if after else [])
    assert second["step"] == 2 * first["step"]


def assert_equal_states(one: dict, two: dict) -> None:
    assert one.keys() == two.keys() and all(torch.equal(one[key], two[key]) for key in one)


@pytest.mark.parametrize(
    "stage, options, flags",
    [
        ("syncnet", {"mouth_size": 64}, []),
        ("clip", {"lamb_sync": 0.0, "model": "lawdnet", "lr_d": RATE}, ["--batch_size", "4", "--accumulate", "2"]),
    ],
)
def test_two_gloo_processes_equal_one(data, tmp_path, stage, options, flags):
    path = stage_file(tmp_path, "stage", stage=stage, non_decay=2, decay=0, lr_g=RATE, **options)
    run(["--config_path", str(path), *flags], data, tmp_path, "one")
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--standalone"]
    command += ["train_sequence_distributed.py", *SMALL, *flags, "--config_path", str(path), "--device", "cpu"]
    command += ["--train_data", data, "--result_path", str(tmp_path), "--name", "two"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr[-3000:]
    assert "FutureWarning" not in result.stderr
    one, two = (read_checkpoint(tmp_path / name / "stage" / "epoch_000002.pth", "--x") for name in ("one", "two"))
    # Adam moves every weight by about the learning rate a step, 4 steps. Where a gradient is nearly 0, rounding may
    # turn its sign, so single weights may differ; a different batch would make all of them differ by that much.
    for network, state in one["state_dict"].items():
        for key, value in state.items():
            difference = (value - two["state_dict"][network][key]).abs().float()
            assert difference.mean() < 0.02 * 4 * RATE, (network, key)
    expected, found = (losses(tmp_path / name / "stage") for name in ("one", "two"))
    for row, other in zip(expected, found, strict=True):
        assert all(abs(row[name] - other[name]) < 1e-3 for name in row if name not in TIMES)


@pytest.mark.parametrize("frozen", [True, False])
def test_frozen_norms_keep_their_statistics_through_training_and_validation(data, tmp_path, frozen):
    common = {"non_decay": 2, "decay": 0, "lamb_gan": 0.0, "lamb_mouth": 1.0}
    frames = stage_file(tmp_path / "frame", "frame_64", stage="frame", **common)
    clips = {"stage": "clip", "starts_from": "frame_64", "lamb_sync": 0.0, "lamb_gan_clip": 0.0, "eval_every": 1}
    clip = stage_file(tmp_path / "clip", "clip_64", freeze_norms=frozen, **common, **clips)
    run(["--config_path", str(frames)], data, tmp_path)
    run(["--config_path", str(clip)], data, tmp_path)
    before, after = (
        read_checkpoint(tmp_path / "run" / stage, "--x")["state_dict"]["net_g"]
        for stage in ("frame_64/best.pth", "clip_64/epoch_000002.pth")
    )
    statistics = [name for name in before if "running" in name]
    assert statistics and all(torch.equal(before[name], after[name]) for name in statistics) == frozen
    assert not torch.equal(before["out_conv.0.conv.weight"], after["out_conv.0.conv.weight"])


@pytest.mark.parametrize("frozen", [True, False])
def test_a_stage_that_continues_another_keeps_its_hearing_if_asked_to(data, tmp_path, frozen):
    common = {
        "stage": "frame",
        "non_decay": 2,
        "decay": 0,
        "lamb_gan": 0.0,
        "lamb_mouth": 1.0,
        "lr_g": 1e-3,
        "checkpoint_every": 1,
    }
    common["freeze_hearing"] = frozen
    stage_file(tmp_path / "stages", "frame_64", **common)
    stage_file(tmp_path / "stages", "next_64", starts_from="frame_64", **common)
    run(["--config_folder", str(tmp_path / "stages")], data, tmp_path)
    first, before, after = (
        read_checkpoint(tmp_path / "run" / stage, "--x")["state_dict"]["net_g"]
        for stage in ("frame_64/epoch_000001.pth", "frame_64/best.pth", "next_64/epoch_000002.pth")
    )
    hearing = [name for name in before if name.startswith("audio_encoder")]
    assert all(torch.equal(before[name], after[name]) for name in hearing) == frozen
    assert not torch.equal(before["out_conv.0.conv.weight"], after["out_conv.0.conv.weight"])
    if frozen:  # the first stage has none to keep, and learns it
        newest = read_checkpoint(tmp_path / "run" / "frame_64" / "epoch_000002.pth", "--x")["state_dict"]["net_g"]
        assert not torch.equal(first["audio_encoder.0.conv.weight"], newest["audio_encoder.0.conv.weight"])


def test_the_audio_code_learns_to_say_the_opening(data, tmp_path):
    """The mouths of the tiny set are as open as the audio is loud; a few steps must be enough to hear that."""
    path = stage_file(tmp_path, "stage", stage="frame", lr_g=1e-3, non_decay=12, decay=0, lamb_gan=0.0, lamb_mouth=1.0)
    run(["--config_path", str(path), "--augment_num", "4", "--batch_size", "8"], data, tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "run" / "stage" / "metrics.jsonl").read_text().splitlines()]
    assert rows[-1]["val/opening_heard"] > 0.8


def test_a_training_json_without_openings_leaves_their_loss_out(data, tmp_path, capsys):
    content = json.loads(Path(data).read_text(encoding="utf-8"))
    for video in content["videos"].values():
        for clip in video["clip_data_list"]:
            del clip["lip_opening"]
    old = Path(data).with_name("old.json")
    old.write_text(json.dumps(content), encoding="utf-8")
    path = stage_file(tmp_path, "stage", stage="frame", non_decay=1, decay=0, lamb_gan=0.0, lamb_mouth=1.0)
    run(["--config_path", str(path)], str(old), tmp_path)
    assert "lamb_opening is left out" in capsys.readouterr().out
    assert "opening" not in losses(tmp_path / "run" / "stage")[-1]


class SquaredStep(torch.nn.Module):
    """A step whose gradient is not the same for every sample."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(3, 2)

    def forward(self, batch: dict) -> tuple[dict, dict]:
        output = self.layer(batch["x"])
        return {"loss": output.square().mean()}, {"output": output.detach()}


@pytest.mark.parametrize("accumulate", [2, 3, 9])
def test_a_batch_in_parts_gives_the_gradient_of_the_whole(accumulate):
    torch.manual_seed(0)
    step = SquaredStep()
    phase = Phase("net_g", step, step, 0.0, ("x",))
    batch = {"x": torch.randn(7, 3)}
    results = []
    for parts in (1, accumulate):
        found = dict(batch)
        losses = optimise(phase, found, parts)
        results.append((losses["loss"], step.layer.weight.grad.clone(), found["output"]))
    for whole, in_parts in zip(*results, strict=True):
        assert torch.allclose(whole, in_parts, atol=1e-6)


def test_losses_of_unequal_gpus_count_by_their_samples():
    whole = torch.tensor([1.0, 2.0, 6.0])
    by_gpu = torch.stack([part.mean() for part in whole.chunk(2)])  # two samples and one
    assert mean_over_gpus(by_gpu, 3) == whole.mean() == mean_over_gpus(whole.mean(), 3)


def test_the_batch_grows_to_a_multiple_of_the_processes(capsys):
    options = share_batch(FrameOptions(batch_size=3), processes=8)
    assert options.batch_size == 8 and "rounded up to 8" in capsys.readouterr().out


def test_a_finished_run_is_not_overwritten_and_resume_leaves_it(data, tmp_path):
    path = str(stage_file(tmp_path, "stage", stage="frame", non_decay=1, decay=0))
    run(["--config_path", path], data, tmp_path)
    checkpoint = tmp_path / "run" / "stage" / "epoch_000001.pth"
    written = checkpoint.stat().st_mtime_ns
    with pytest.raises(InputError, match="--resume"):
        run(["--config_path", path], data, tmp_path)
    run(["--config_path", path, "--resume"], data, tmp_path)
    assert checkpoint.stat().st_mtime_ns == written


@pytest.mark.parametrize("flags", [["--max_minutes", "0.000001"], ["--max_steps", "1"]])
def test_time_and_steps_end_a_stage_within_an_epoch(data, tmp_path, flags):
    path = str(stage_file(tmp_path, "stage", stage="frame", lamb_gan=0.0, lamb_mouth=1.0))
    run(["--config_path", path, *flags], data, tmp_path)
    (kept,) = (tmp_path / "run" / "stage").glob("epoch_*.pth")
    content = read_checkpoint(kept, "--x")
    assert content["finished"] and content["step"] == 1


@pytest.mark.parametrize("flags", [["--non_decay", "1"], ["--max_minutes", "0.000001"], ["--max_steps", "3"]])
def test_old_checkpoints_go_and_a_stage_that_has_had_its_time_is_finished_by_resume(data, tmp_path, flags):
    options = {"non_decay": 3, "decay": 0, "checkpoint_every": 1, "lamb_gan": 0.0, "lamb_mouth": 1.0}
    path = str(stage_file(tmp_path, "stage", stage="frame", **options))
    run(["--config_path", path, "--keep_checkpoints", "2"], data, tmp_path)
    folder = tmp_path / "run" / "stage"
    before, last = sorted(folder.glob("epoch_*.pth"))
    last.unlink()  # as if the machine had stopped after epoch 2
    assert not read_checkpoint(before, "--x")["finished"]
    run(["--config_path", path, "--resume", *flags], data, tmp_path)
    content = read_checkpoint(before, "--x")
    assert content["finished"] and (content["epoch"], content["step"]) == (2, 4)
    assert not last.exists()


def test_a_syncnet_at_chance_is_not_used_as_a_loss(data, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("training.plan_checks.LEAST_SYNC_ACCURACY", 1.1)
    one_epoch = {"non_decay": 1, "decay": 0}
    stage_file(tmp_path / "stages", "syncnet", stage="syncnet", **one_epoch)
    losses_of_clip = {"lamb_gan": 0.0, "lamb_gan_clip": 0.0, "lamb_mouth": 1.0, "syncnet_from": "syncnet"}
    stage_file(tmp_path / "stages", "clip_64", stage="clip", **losses_of_clip, **one_epoch)
    run(["--config_folder", str(tmp_path / "stages")], data, tmp_path)
    assert "the sync loss is left out" in capsys.readouterr().out
    assert "sync" not in losses(tmp_path / "run" / "clip_64")[-1]


def test_best_checkpoint_is_the_one_with_the_best_held_out_mouth(data, tmp_path):
    path = stage_file(tmp_path, "stage", stage="frame", non_decay=3, decay=0, eval_every=1, lr_g=3e-3)
    run(["--config_path", str(path)], data, tmp_path)
    folder = tmp_path / "run" / "stage"
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    reached = {row["epoch"]: row["val/mouth_psnr"] for row in rows if "val/mouth_psnr" in row}
    best = read_checkpoint(folder / "best.pth", "--x")
    assert best["best"] == pytest.approx(max(reached.values()), abs=1e-5) and len(reached) == 3
    assert reached[best["epoch"]] == max(reached.values()) and best_checkpoint(folder).name == "best.pth"


def test_learning_rate_follows_the_published_rule_and_never_falls_below_zero():
    assert [decayed(epoch, 4, 4) for epoch in range(9)] == [
        1,
        1,
        1,
        1,
        1,
        0.8,
        0.6,
        pytest.approx(0.4),
        pytest.approx(0.2),
    ]
    assert decayed(100, 2, 5) > 0


def test_twin_follows_its_discriminator_without_gradient():
    network = Discriminator(3, block_expansion=4, max_features=8)
    twin = frozen_twin(network)
    image = torch.rand(1, 3, 64, 64)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.1)
    network(image)[1].sum().backward()
    optimizer.step()
    assert torch.equal(network(image)[1], twin(image)[1]) and not any(p.requires_grad for p in twin.parameters())


@pytest.mark.parametrize("folder", ["", "/published"])
def test_dry_run_prints_every_stage_in_order(capsys, folder):
    train_sequence(*read_flags("test", ["--dry_run", "--config_folder", f"{ROOT}/config/experiment{folder}"]), on_cpu)
    printed = dict(line.split(": ", 1) for line in capsys.readouterr().out.splitlines() if not line.startswith(" "))
    assert list(printed) == ["syncnet", "frame_64", "frame_128", "frame_256", "clip_256"]
    assert ("lamb_opening" in json.loads(printed["frame_64"])) == bool(folder)  # the published recipe has none


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--config_path", "nowhere.py"], "nowhere.py"),
        (["--config_folder", "tests"], "tests"),
        (["--config_path", "BAD"], "unknown option learning_rate"),
        (["--config_path", "OK", "--train_data", "nowhere.json"], "nowhere.json"),
        (["--config_path", "OK", "--pretrained_path", "JUNK"], "not a readable PyTorch checkpoint"),
        (["--config_path", "CLIP"], "--pretrained_syncnet_path"),
        (["--config_path", "OK", "--lamb_perception", "1", "--perceptual_weights", "nowhere.pth"], "nowhere.pth"),
        (["--config_path", "OK", "--lamb_gan", "0"], "no loss on the pictures"),
        (["--config_path", "SYNC", "--accumulate", "2"], "--accumulate"),
    ],
)
def test_bad_input_names_the_flag(data, tmp_path, arguments, message):
    files = {
        "BAD": stage_file(tmp_path, "bad", learning_rate=1),
        "OK": stage_file(tmp_path, "ok", stage="frame", non_decay=1, decay=0),
        "CLIP": stage_file(tmp_path, "clip", stage="clip", non_decay=1, decay=0),
        "SYNC": stage_file(tmp_path, "sync", stage="syncnet", non_decay=1, decay=0),
        "JUNK": tmp_path / "junk.pth",
    }
    files["JUNK"].write_bytes(b"junk")
    arguments = [str(files.get(argument, argument)) for argument in arguments]
    if "--train_data" in arguments:
        data = arguments.pop()
        arguments.pop()
    with pytest.raises(InputError, match=message):
        run(arguments, data, tmp_path)
    assert not (tmp_path / "run").exists()


def test_a_checkpoint_of_the_wrong_kind_or_with_pickled_objects_is_refused(tmp_path):
    save_checkpoint(tmp_path, 1, {"state_dict": {"net": {"a": torch.zeros(1)}}}, keep=1)
    with pytest.raises(InputError, match="another kind"):
        load_generator(tmp_path / "epoch_000001.pth", "--pretrained_clip_DINet_path")
    torch.save({"state_dict": {"net_g": Path("x")}}, tmp_path / "pickled.pth")
    with pytest.raises(InputError, match="pickled"):
        load_generator(tmp_path / "pickled.pth", "--pretrained_clip_DINet_path")
