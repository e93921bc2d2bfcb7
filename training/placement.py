"""What the processes and GPUs of a run make of its stages: the precision of all, the share of a batch of each."""

import dataclasses
from collections.abc import Sequence

import torch

from config.config import GeneratorOptions, StageOptions
from config.constants import NUM_REFERENCES, WINDOW_FRAMES
from config.errors import InputError
from dataset.manifest import Manifest
from face.geometry import crop_size
from models.device import resolve_precision
from training.generator_losses import generate_frames
from training.generator_stage import frames_of, generator_spec
from training.parallel import Parallel
from training.stage_files import Stage


def shared_precision(parallel: Parallel) -> str:
    """What --precision auto means for a run: bf16 where every GPU of every process multiplies in it, else fp32."""
    several = range(parallel.num_replicas) if parallel.num_replicas > 1 else ()
    devices = [torch.device("cuda", index) for index in several] or [parallel.device]
    own = {resolve_precision(device, "auto") for device in devices}
    return "bf16" if set().union(*parallel.gather(own)) == {"bf16"} else "fp32"


def with_precision(stages: Sequence[Stage], device: torch.device, shared: str) -> list[Stage]:
    """The stages with `shared` for auto. Raises InputError for a precision that the device does not have."""
    placed = []
    for stage in stages:
        wanted = stage.options.precision
        try:
            precision = shared if wanted == "auto" else resolve_precision(device, wanted)
        except InputError as error:
            raise InputError(f"stage {stage.name}: {error}") from error
        placed.append(Stage(stage.name, dataclasses.replace(stage.options, precision=precision)))
    return placed


def share_batch(options: StageOptions, processes: int) -> StageOptions:
    """With the batch rounded up to a multiple of the processes, so that each gets the same number of samples."""
    wanted = options.batch_size
    rounded = -(-wanted // processes) * processes
    if rounded != wanted:
        print(f"batch_size {wanted} rounded up to {rounded}, a multiple of {processes} processes")
    return dataclasses.replace(options, batch_size=rounded)


def check_shares(name: str, options: StageOptions, manifest: Manifest, parallel: Parallel) -> None:
    """Raise InputError where a batch cannot be divided as --accumulate and the GPUs want it."""
    if not isinstance(options, GeneratorOptions):
        return
    own = options.batch_size // parallel.world_size
    if options.accumulate > own:
        raise InputError(
            f"stage {name}: --accumulate {options.accumulate} passes, but a process has {own} sample(s) of the batch; "
            f"give at most {own}, or a larger --batch_size"
        )
    passes = torch.arange(own).tensor_split(options.accumulate)
    least = min(len(share) for samples in passes for share in samples.chunk(parallel.num_replicas))
    if parallel.device.type == "cuda":  # where batch norm sees the samples of all processes
        least *= parallel.world_size
    if least == 1 and not can_normalise(options, manifest):
        enough = 2 * options.batch_size // own * options.accumulate * parallel.num_replicas
        raise InputError(
            f"stage {name}: --batch_size {options.batch_size} gives a pass on one device a single sample, and batch "
            f"norm a single value at --mouth_size {options.mouth_size}; give --batch_size {enough} or more, "
            "--freeze_norms, or --model lawdnet"
        )


def can_normalise(options: GeneratorOptions, manifest: Manifest) -> bool:
    """Whether the generator's batch norms see more than one value a channel in a single sample. Computes nothing."""
    if options.freeze_norms:
        return True
    height, width = crop_size(options.mouth_size)
    frames = frames_of(options)
    with torch.device("meta"):
        generator = generator_spec(options, manifest).build().train()
        batch = {
            "source": torch.empty(1, frames, height, width, 3, dtype=torch.uint8),
            "reference": torch.empty(1, NUM_REFERENCES, height, width, 3, dtype=torch.uint8),
            "audio": torch.empty(1, manifest.audio_channel, frames + WINDOW_FRAMES - 1),
        }
        try:
            generate_frames(generator, torch.empty(height, width), batch)
        except ValueError:  # as batch norm says it
            return False
    return True
