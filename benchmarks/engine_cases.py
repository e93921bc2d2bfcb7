"""Generators and what goes into them, for engines.py."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor

from benchmarks.material import MEL_CHANNELS
from config.config import InferenceOptions
from dubbing.pipeline import make_plan, prepare
from models.dinet import ReferenceFeatures
from models.loading import LoadedNetwork, load_generator
from models.spec import NetworkSpec
from tools.exporting.halves import ReferenceHalf, frame_example, reference_example

FRAMES = 40


@dataclass(frozen=True)
class Case:
    """`load` gives the generator anew, as inference changes it; sources (FRAMES, 3, h, w), audio (FRAMES, dim, 5)."""

    name: str
    load: Callable[[], LoadedNetwork]
    reference: ReferenceFeatures
    sources: Tensor
    audio: Tensor


def random_case(model: str, mouth_size: int, width: int) -> Case:
    arguments = {"source_channel": 3, "ref_channel": 15, "audio_channel": MEL_CHANNELS, "base_channels": width}
    spec = NetworkSpec(model, arguments, "mel", "aligned", "box", mouth_size)

    def load() -> LoadedNetwork:
        torch.manual_seed(0)
        return LoadedNetwork(spec, spec.build().eval())

    rng = torch.Generator().manual_seed(0)
    with torch.inference_mode():
        reference = ReferenceFeatures(*ReferenceHalf(load().network)(reference_example(spec, rng)))
    return Case(f"{model}, mouth {mouth_size}, random", load, reference, *frame_example(spec, FRAMES, rng))


def trained_case(checkpoint: str, video: str, speech: str) -> Case:
    options = InferenceOptions(video, speech, checkpoint, precision="fp32", device="cpu", cache_folder="")
    plan = make_plan(options)
    batches = [batch for batch in islice(prepare(plan, 1), FRAMES) if len(batch.crops)]
    spec = plan.renderer.spec
    return Case(
        f"{spec.network}, mouth {spec.mouth_size}, trained",
        lambda: load_generator(checkpoint, "--checkpoint"),
        plan.renderer.reference,
        torch.cat([plan.renderer.to_network(batch.crops) for batch in batches]),
        torch.cat([torch.from_numpy(batch.windows).transpose(1, 2) for batch in batches]),
    )
