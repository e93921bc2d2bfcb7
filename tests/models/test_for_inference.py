"""The network as inference.py runs it, beside the plain one."""

import copy

import pytest
import torch

from face.geometry import crop_size
from models.dinet import DINet
from models.inference import fold_batch_norms, for_inference
from models.lawdnet import LawDNet
from training.parallel import autocast

CPU = torch.device("cpu")


@pytest.fixture(params=[DINet, LawDNet])
def network(request):
    """With running statistics that are not those of an untrained network."""
    torch.manual_seed(0)
    network = request.param(3, 15, 29, base_channels=16).eval()
    for module in network.modules():
        if isinstance(module, (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
    return network


@torch.inference_mode()
def run(network, precision: str) -> torch.Tensor:
    torch.manual_seed(1)
    height, width = crop_size(64)
    source, reference, audio = torch.rand(2, 3, height, width), torch.rand(2, 15, height, width), torch.rand(2, 29, 5)
    with autocast(CPU, precision):
        return network(source, reference, audio).float()


def test_float32_stays_what_it_was(network):
    plain = run(network, "fp32")
    torch.testing.assert_close(run(for_inference(network, CPU, "fp32"), "fp32"), plain, atol=2e-5, rtol=0)


def test_weights_kept_in_bf16_give_what_autocast_gives_bit_for_bit(network):
    converted = run(fold_batch_norms(copy.deepcopy(network)).to(memory_format=torch.channels_last), "bf16")
    plain = run(network, "fp32")
    kept = for_inference(network, CPU, "bf16")
    assert {p.dtype for p in kept.out_conv.parameters()} >= {torch.bfloat16}
    assert torch.equal(run(kept, "bf16"), converted)
    assert (converted - plain).abs().mean() < 0.01
