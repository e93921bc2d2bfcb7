"""Every stage and the renderer on CUDA, without a GPU: a tensor of the wrong device or dtype fails here."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_set import CHANNELS, make_tiny_set
from torch.utils._pytree import tree_map_only
from torch.utils.data import default_collate

from benchmarks.fake_cuda import CUDA, backward, fake_cuda
from benchmarks.peak_memory import AllocatedMemory, peak_memory
from config.config import ClipOptions, FrameOptions, StageOptions, SyncNetOptions
from dataset.manifest import Manifest, load_manifest
from dubbing.renderer import Renderer
from face.geometry import crop_size
from models.loading import LoadedNetwork
from models.syncnet import SyncNet
from training.generator_stage import build_generator, generator_spec
from training.loop import train_step
from training.parallel import Parallel
from training.stages import BuiltStage
from training.state import TrainingState
from training.syncnet_stage import build_syncnet, syncnet_spec

SMALL = {"batch_size": 2, "augment_num": 1, "val_fraction": 0.25}
NARROW = {**SMALL, "base_channels": 4, "perceptual_weights": "random", "lamb_mouth": 1.0, "lamb_pixel": 1.0}
STAGES = {
    "syncnet": SyncNetOptions(mouth_size=32, **SMALL),
    "frame_64": FrameOptions(mouth_size=64, lamb_gan_mouth=1.0, **NARROW),
    "frame_128": FrameOptions(mouth_size=128, **NARROW),
    "clip": ClipOptions(mouth_size=64, freeze_norms=True, **NARROW),
    "frozen": FrameOptions(mouth_size=64, freeze_hearing=True, lamb_detail=1.0, starts_from="frame_64", **NARROW),
}
DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
CASES = [("syncnet", "dinet", precision) for precision in DTYPES] + [
    (name, model, precision)
    for name, precisions in {
        "frame_64": ("bf16", "fp16"),
        "frame_128": ("bf16",),
        "clip": ("bf16",),
        "frozen": ("bf16",),
    }.items()
    for model in ("dinet", "lawdnet")
    for precision in precisions
]


@pytest.fixture(scope="module")
def manifest(tmp_path_factory) -> Manifest:
    return load_manifest(make_tiny_set(tmp_path_factory.mktemp("set")))


@pytest.fixture(scope="module")
def syncnet(manifest, tmp_path_factory) -> Path:
    spec = syncnet_spec(STAGES["syncnet"], manifest)
    path = tmp_path_factory.mktemp("syncnet") / "syncnet.pth"
    torch.save({"spec": vars(spec), "state_dict": {"syncnet": spec.build().state_dict()}}, path)
    return path


def built(options: StageOptions, manifest: Manifest) -> BuiltStage:
    parallel = Parallel(CUDA)
    build = build_syncnet if isinstance(options, SyncNetOptions) else build_generator
    stage = build(options, manifest, parallel)
    for phase in stage.phases:
        phase.losses = parallel.wrap(phase.losses, options.precision).train()
    return stage


@pytest.mark.parametrize("name, model, precision", CASES)
def test_a_stage_trains_validates_and_resumes(manifest, syncnet, monkeypatch, name, model, precision):
    monkeypatch.setattr("training.generator_validation.VIDEO_FRAMES", 2)
    monkeypatch.setattr("training.generator_stage.VALIDATION_FRAMES", 2)
    options = replace(STAGES[name], precision=precision)
    if name != "syncnet":
        options = replace(options, model=model)
    if name == "clip":
        options = replace(options, pretrained_syncnet_path=str(syncnet))
    with fake_cuda():
        stage, again = built(options, manifest), built(options, manifest)
        state = TrainingState.of(stage)
        batch = default_collate([stage.samples[0, index] for index in range(options.batch_size)])
        dtypes = watch_dtypes(stage)
        losses = train_step(stage, batch, CUDA)
        assert dtypes == {DTYPES[precision]}
        require_cuda(losses.values())
        for phase in stage.phases:
            trained = [p for p in phase.network.parameters() if p.requires_grad]
            require_cuda(p.grad for p in trained)
            assert {p.grad.dtype for p in trained} == {torch.float32}
        assert state.is_finite() and state.checksum()

        saved = tree_map_only(torch.Tensor, torch.Tensor.cpu, {"epoch": 1, **state.content(finished=False)})
        for optimizer in saved["optimizer"].values():  # as on a CPU
            optimizer["param_groups"][0]["fused"] = False
        TrainingState.of(again).restore(saved)
        for phase in again.phases:
            assert phase.optimizer.param_groups[0]["fused"] is True
            require_cuda(tensor for values in phase.optimizer.state.values() for tensor in values.values())
            require_cuda(phase.used_network.state_dict().values())
            assert phase.scaler.is_enabled() == (precision == "fp16")
        train_step(again, batch, CUDA)
        assert again.validate().values


def watch_dtypes(stage: BuiltStage) -> set[torch.dtype]:
    """Of what the convolutions of every trained network give."""
    seen: set[torch.dtype] = set()
    for phase in stage.phases:
        for module in phase.network.modules():
            if isinstance(module, torch.nn.Conv1d | torch.nn.Conv2d):
                module.register_forward_hook(lambda _module, _inputs, output: seen.add(output.dtype))
    return seen


def require_cuda(tensors) -> None:
    assert {tensor.device for tensor in tensors} == {CUDA}


@pytest.mark.parametrize("precision", DTYPES)
@pytest.mark.parametrize("model", ("dinet", "lawdnet"))
def test_the_renderer_draws(manifest, model, precision):
    spec = generator_spec(FrameOptions(mouth_size=64, base_channels=4, model=model), manifest)
    crops = np.zeros((5, *crop_size(64), 3), np.uint8)
    with fake_cuda():
        renderer = Renderer(LoadedNetwork(spec, spec.build().eval()), CUDA, precision)
        renderer.reference = renderer.encode(crops)
        require_cuda(renderer.reference)
        assert renderer.is_reference(renderer.reference._asdict())
        faces = renderer.generate(crops, np.zeros((5, 5, CHANNELS), np.float32))
    assert faces.shape == crops.shape and faces.dtype == np.uint8


def test_fake_backward_gives_the_gradients_of_pytorch_s_engine():
    torch.manual_seed(0)
    network = SyncNet(15, CHANNELS, 16)
    images, audio = torch.rand(2, 15, 64, 64), torch.rand(2, CHANNELS, 9)
    parameters = list(network.parameters())
    expected = torch.autograd.grad(network(images, audio).square().mean(), parameters)
    backward(network(images, audio).square().mean())
    for parameter, gradient in zip(parameters, expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)


def test_memory_is_counted_until_its_tensor_is_gone():
    with fake_cuda(), AllocatedMemory() as memory:
        first = torch.zeros(1000, device=CUDA)
        second = first * 2
        assert memory.now == 2 * 4096
        view = second[:10]
        del second
        assert memory.now == 2 * 4096
        del view
        assert (memory.now, memory.most) == (4096, 2 * 4096)


def test_a_divided_batch_needs_less_memory():
    options = STAGES["frame_64"]
    assert peak_memory(options, accumulate=2) < peak_memory(options)
