"""1: numbers that were wrong. 2: ranks that fail, without GPUs."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from cases_faults import check_checkpoints
from launch import ROOT
from registry import case, table
from sandbox import Sandbox


@table("1", "something is held out of", {f"{count} videos": (count,) for count in (4, 5)}, quick=("5 videos",))
def held_out(box: Sandbox, count: int) -> None:
    path = box.take("tiny") / "training_json.json"
    content = json.loads(path.read_text())
    content["videos"] = dict(list(content["videos"].items())[:count])
    path.write_text(json.dumps(content))
    stage = box.stage(val_fraction=None, non_decay=1)
    box.succeeds("train_sequence.py", *box.command("train_sequence.py", config_path=stage))
    folder = box.out / "runs" / "run" / "frame"
    box.must((folder / "best.pth").is_file(), "no best.pth: nothing was validated")
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    box.must(any(key.startswith("val/") for row in rows for key in row), "metrics.jsonl holds no validation")


@case("1", "a SyncNet that was never judged teaches only with --trust_syncnet", quick=True)
def unjudged_syncnet(box: Sandbox) -> None:
    import torch

    path = box.take("syncnet_tiny.pth")
    content = torch.load(path, weights_only=True)
    del content["best"]
    torch.save(content, path)
    clip = box.stage("clip", stage="clip", lamb_gan_clip=0.0, non_decay=1)
    common = {"config_path": clip, "pretrained_syncnet_path": path}
    result = box.run("train_sequence.py", *box.command("train_sequence.py", **common, name="one"))
    metrics = box.out / "runs" / "one" / "clip" / "metrics.jsonl"
    uses = metrics.exists() and '"sync"' in metrics.read_text()
    said = "syncnet" in (result.err + result.out).lower()
    box.must(result.status in (0, 2) and not uses and said, f"status {result.status}, sync loss {uses}: {result.tail}")
    box.succeeds("train_sequence.py", *box.command("train_sequence.py", **common, name="two", trust_syncnet=True))
    box.must('"sync"' in (box.out / "runs" / "two" / "clip" / "metrics.jsonl").read_text(), "the sync loss is not used")


@table("1", "a run that diverges keeps its checkpoints", {"at once": ({},), "with warm-up": ({"warmup_steps": 8},)},
       fault=True, quick=("at once",))  # fmt: skip
def diverged(box: Sandbox, more: dict) -> None:
    """It ends with one line that names the last good checkpoint, or learns on; what is kept is finite."""
    stage = box.stage(lamb_mouth=1e9, non_decay=40, keep_checkpoints=2, **more)
    box.succeeds("train_sequence.py", *box.command("train_sequence.py", config_path=stage, non_decay=2))
    arguments = box.command("train_sequence.py", config_path=stage, lr_g=1.0, lamb_pixel=1e9, resume=True)
    result = box.run("train_sequence.py", *arguments)
    folder = box.out / "runs" / "run" / "frame"
    check_checkpoints(box, folder)
    if result.status:
        box.check_refusal(result, says=("epoch_0",))
        box.must(list(folder.glob("epoch_*.pth")), "no checkpoint is left")


DISTRIBUTED = "train_sequence_distributed.py"


def free_port() -> str:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return str(opened.getsockname()[1])


def start_ranks(box: Sandbox, arguments: list[list[str]]) -> list:
    """One process a rank, as torchrun starts them, with gloo on one machine."""
    port = free_port()
    common = {"WORLD_SIZE": str(len(arguments)), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port,
              "LOCAL_WORLD_SIZE": str(len(arguments))}  # fmt: skip
    return [box.start(DISTRIBUTED, *words, RANK=str(rank), LOCAL_RANK=str(rank), **common)
            for rank, words in enumerate(arguments)]  # fmt: skip


EVEN = {"batch_size": 4}  # two samples a rank: batch norm needs as many
LONG = {"non_decay": 100000, **EVEN}


def checkpoints(box: Sandbox) -> list[Path]:
    return list((box.out / "runs" / "run" / "frame").glob("epoch_*.pth"))


@table("2", "a rank is killed", {f"rank {rank}, {name}": (rank, number) for rank in (0, 1)
                                 for name, number in (("kill -9", signal.SIGKILL), ("SIGTERM", signal.SIGTERM))},
       fault=True, quick=("rank 1, kill -9",))  # fmt: skip
def killed_rank(box: Sandbox, rank: int, number: int) -> None:
    ranks = start_ranks(box, [box.command("train_sequence.py", **LONG)] * 2)
    ranks[0].wait_until(lambda: checkpoints(box), 90)
    ranks[rank].signal(number)
    began = time.monotonic()
    results = [running.wait(40) for running in ranks]
    box.must(time.monotonic() - began < 35, "the other rank hung for more than 30 s")
    other = results[1 - rank]
    box.must(other.status not in (0, -6, -11), f"the other rank's status is {other.status}")
    box.must("Traceback" not in other.err, f"a traceback of the other rank: {other.tail}")
    lines = [line for line in other.err.split("\n") if "error:" in line]
    box.must(len(lines) == 1 and lines[0].startswith("error:"), f"{len(lines)} lines with error: {other.tail}")
    box.must(not any(result.left for result in results), "children left")
    check_checkpoints(box, box.out / "runs" / "run" / "frame")


@table("2", "one rank's picture is missing", {"without loading processes": (0,), "with two": (2,)}, fault=True,
       quick=("without loading processes",))  # fmt: skip
def missing_picture(box: Sandbox, workers: int) -> None:
    """One video's pictures are gone: the rank that needs one first says which, and all end."""
    videos = sorted((box.take("tiny") / "split_video_25fps_crop_face").iterdir())
    for path in videos[2].rglob("*.jpg"):
        if int(path.stem):
            path.unlink()
    flags = [box.command("train_sequence.py", num_workers=workers, **LONG)] * 2
    ranks = start_ranks(box, flags)
    results = [running.wait(60) for running in ranks]
    box.must(all(result.status for result in results), f"statuses {[result.status for result in results]}")
    text = "".join(result.err for result in results)
    box.must("Traceback" not in text, f"a traceback: {text[-300:]}")
    box.must(any("error:" in line and (".jpg" in line or "data" in line) for line in text.split("\n")), text[-300:])


@case("2", "two ranks train together", quick=True)
def two_ranks(box: Sandbox) -> None:
    ranks = start_ranks(box, [box.command("train_sequence.py", **EVEN)] * 2)
    results = [running.wait(100) for running in ranks]
    for result in results:
        box.check_clean(result)
        box.must(result.status == 0, f"status {result.status}: {result.tail}")
    box.must(len(checkpoints(box)) == 2, f"{len(checkpoints(box))} checkpoints")


@table("2", "ranks that do not see the same files", {
    "resumed, rank 1 has no checkpoint": ("resume",), "resumed, rank 1 has an older one": ("older",),
    "rank 1 has no training set": ("data",), "rank 1 has another --result_path": ("folder",),
}, fault=True, quick=("resumed, rank 1 has no checkpoint",))  # fmt: skip
def other_files(box: Sandbox, what: str) -> None:
    """Rank 0's word counts and all train on the same weights, or all stop with one line."""
    own = box.command("train_sequence.py", non_decay=4, **EVEN)
    if what in ("resume", "older"):
        box.succeeds("train_sequence.py", *box.command("train_sequence.py", **EVEN))
        own.append("--resume")
    theirs = [word for word in own if not word.startswith("--train_data" if what == "data" else "--result_path")]
    if what == "data":
        theirs.append(f"--train_data={box.user / 'nowhere.json'}")
    else:
        theirs.append(f"--result_path={box.out / 'runs of rank 1'}")
    if what == "older":
        shutil.copytree(box.out / "runs", box.out / "runs of rank 1")
        for path in (box.out / "runs of rank 1").rglob("epoch_000002.pth"):
            path.unlink()
    results = [running.wait(90) for running in start_ranks(box, [own, theirs])]
    statuses = [result.status for result in results]
    for result in results:
        box.must("Traceback" not in result.err, f"a traceback: {result.tail}")
    box.must(statuses == [0, 0] or all(statuses), f"statuses {statuses}: {results[0].tail} | {results[1].tail}")
    if all(statuses):
        text = "".join(result.err for result in results)
        box.must("error:" in text and ("result_path" in text or "train_data" in text or "resume" in text), text[-300:])


@case("2", "torchrun with one process")
def one_process(box: Sandbox) -> None:
    arguments = box.command("train_sequence.py")
    box.before = box.state()
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "1", DISTRIBUTED]
    done = subprocess.run([*command, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120,
                          env={**os.environ, "OMP_NUM_THREADS": "1"})  # fmt: skip
    box.must(done.returncode == 0, f"status {done.returncode}: {done.stderr[-300:]}")
    box.must(len(checkpoints(box)) == 2, "no checkpoints")
