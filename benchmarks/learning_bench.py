"""The learning benchmark's data, trainings and scores, each made by the project's own commands."""

import json
from collections.abc import Iterator
from pathlib import Path

from benchmarks.learning_data import HELD_OUT, MADE_FROM, make_own_data, make_speaker_data
from benchmarks.learning_settings import (
    OWN_VIDEO_PROTOCOLS,
    SETTINGS,
    SPEAKER_PROTOCOLS,
    LearningOptions,
    Protocol,
)
from config.errors import InputError
from media.video import probe
from tools.steps import ROOT, run
from training.checkpoints import best_checkpoint

BY_TIME = ("--non_decay", 100_000, "--decay", 100_000, "--max_steps", 0)  # --max_minutes alone ends every stage
DRAWS = 768  # of your own video in an epoch: as many as of 24 videos


class Bench:
    """Data, runs and results in one folder. Whatever is there already is not made again."""

    def __init__(self, options: LearningOptions):
        self.setting, self.device, self.own_only = SETTINGS[options.setting], options.device, options.own_only
        self.video = Path(options.video) if options.video else None
        self.folder = Path(options.output_folder) / options.setting
        self.copy_name, self.protocols, self.flags = "source mouth, copied", SPEAKER_PROTOCOLS, []
        if self.video:
            probe(self.video)
            self.folder = self.folder / "videos" / self.video.stem
            self.copy_name, self.protocols = "mouth of another moment", OWN_VIDEO_PROTOCOLS
            self.flags = ["--val_fraction", HELD_OUT, "--augment_num", DRAWS]
        self.data = self.folder / "data"
        self.training_json = self.data / "training_data" / "training_json.json"

    def make_data(self) -> None:
        if self.training_json.is_file():
            if self.video and (self.data / MADE_FROM).resolve() != self.video.resolve():
                raise InputError(
                    f"--video {self.video}: {self.folder} is of another video; give another --output_folder"
                )
            return
        if self.video:
            make_own_data(self.data, self.video)
        else:
            make_speaker_data(self.data, self.setting.videos)

    def train_syncnet(self, seed: int) -> list[dict[str, float]]:
        """The validated accuracy over time."""
        flags = ["--max_minutes", self.setting.sync_minutes, *self.setting.sync_flags]
        stage = self.train(f"syncnet_{seed}", f"{self.setting.folder}/syncnet.py", seed, *flags)
        lines = (stage / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        return [row for row in map(json.loads, lines) if "val/offset_within_1" in row]

    def score_copies(self) -> dict[str, dict[str, float]]:
        """What a result without any learning would have: by protocol, as of recipes."""
        name = "unpaired"
        return {name: self.score("copy", self.data / "copies", self.protocols[name], None)}

    def score_recipes(self, seed: int) -> Iterator[tuple[str, dict[str, dict[str, float]]]]:
        """Train, dub and score every recipe with this seed: its name, and the scores of every protocol."""
        setting = self.setting
        syncnet = best_checkpoint(self.folder / f"syncnet_{seed}" / "syncnet")
        if not self.own_only:
            yield from self.score_published(seed, syncnet)
        files = {f"{setting.folder}/{name}.py": share for name, share in setting.default.items()}
        stage = self.train_frames(f"default_{seed}", files, seed)
        yield "this project's frame stages", self.dub_and_score(stage, syncnet)
        start = ["--pretrained_path", best_checkpoint(stage), "--pretrained_syncnet_path", syncnet]
        clip = f"{setting.folder}/{setting.clip}.py"
        stage = self.train(f"default_{seed}", clip, seed, *start, "--max_minutes", setting.clip_minutes)
        yield "and its clip stage", self.dub_and_score(stage, syncnet)

    def score_published(self, seed: int, syncnet: Path) -> Iterator[tuple[str, dict[str, dict[str, float]]]]:
        setting = self.setting
        for label, model in (("published DINet recipe", "dinet"), ("published LawDNet recipe", "lawdnet")):
            files = {f"published/{name}.py": share for name, share in setting.published.items()}
            flags = ["--model", model, "--perceptual_weights", "auto", *setting.published_flags]
            yield label, self.dub_and_score(self.train_frames(f"{model}_{seed}", files, seed, *flags), syncnet)

    def train_frames(self, name: str, files: dict[str, float], seed: int, *flags: object) -> Path:
        """Train frame stages coarse to fine, each for its share of the minutes. Returns the last one's folder."""
        start: list[object] = []
        for file, share in files.items():
            stage = self.train(name, file, seed, *start, *flags, "--max_minutes", self.setting.minutes * share)
            start = ["--pretrained_path", best_checkpoint(stage)]
        return stage

    def train(self, name: str, config: str, seed: int, *flags: object) -> Path:
        """Train one stage, or find it trained. Returns its folder."""
        run("train_sequence.py", "--config_path", ROOT / "config" / "experiment" / config, "--name", name, "--resume",
            "--result_path", self.folder, "--train_data", self.training_json, "--device", self.device, "--seed", seed,
            "--wandb", "disabled", *BY_TIME, *flags, *self.flags)  # fmt: skip
        return self.folder / name / Path(config).stem

    def dub_and_score(self, stage: Path, syncnet: Path) -> dict[str, dict[str, float]]:
        """The scores of a stage's best checkpoint by protocol."""
        scores = {}
        for name, protocol in self.protocols.items():
            suffix = "" if name == "unpaired" else f"_{name}"
            dubbed = self.dub(stage, stage / f"dubbed{suffix}", protocol)
            scores[name] = self.score(f"{stage.parent.name}_{stage.name}{suffix}", dubbed, protocol, syncnet)
        return scores

    def dub(self, stage: Path, dubbed: Path, protocol: Protocol) -> Path:
        """Dub every held-out video that is not there yet, by the generator alone. Returns `dubbed`, their folder."""
        for speech in sorted((self.data / protocol.speech).glob("*.mp4")):
            if not (dubbed / speech.name).is_file():
                source = self.data / protocol.source / speech.name
                run("inference.py", "--source_video_path", source, "--driving_audio_path", speech, "--output",
                    dubbed / speech.name, "--pretrained_clip_DINet_path", best_checkpoint(stage),
                    "--device", self.device, "--detail", 0)  # fmt: skip
        return dubbed

    def score(self, name: str, generated: Path, protocol: Protocol, syncnet: Path | None) -> dict[str, float]:
        """Mean scores over the held-out videos; pictures go to pictures/NAME."""
        path = self.folder / "scores" / f"{name}.json"
        known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        if "protocol" not in known or known["failed"]:  # older files have fewer scores
            flags = ["--pictures", self.folder / "pictures" / name] if protocol.metrics == "auto" else []
            flags += ["--syncnet", syncnet] if syncnet else []
            run("evaluate.py", "--generated", generated, "--reference", self.data / protocol.speech, "--source",
                self.data / protocol.source, "--metrics", protocol.metrics, "--json", path, *flags)  # fmt: skip
            known = json.loads(path.read_text(encoding="utf-8"))
        return known["mean"]
