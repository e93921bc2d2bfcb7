"""Losses of generators by themselves."""

import torch

from face.geometry import crop_size, mouth_box
from models.discriminator import mouth_discriminator
from training.generator_losses import AdversarialLoss, DetailLoss, DiscriminatorLosses, fine_mouths


def test_the_mouth_discriminator_sees_the_mouth_box_and_nothing_else():
    torch.manual_seed(0)
    network = mouth_discriminator(4)
    loss = AdversarialLoss(network, fine_mouths)
    for size in (32, 64, 96):
        clips = torch.rand(2, 5, 3, *crop_size(size), requires_grad=True)
        loss(clips, clips, {}).backward()
        seen = clips.grad.abs().sum((0, 1, 2)) > 0
        inside = torch.zeros_like(seen)
        inside[mouth_box(size)] = True
        assert not seen[~inside].any() and seen[inside].float().mean() > 0.8  # poolings leave an odd edge out
    assert all(parameter.grad is None for parameter in network.parameters())


def test_a_discriminator_learns_to_tell_sharp_mouths_from_blurred_ones():
    torch.manual_seed(0)
    network = mouth_discriminator(8)
    losses = DiscriminatorLosses("gan_mouth", network, fine_mouths)
    optimizer = torch.optim.Adam(network.parameters(), 2e-3)
    for _ in range(40):
        real = (torch.rand(4, 1, 3, *crop_size(32)) > 0.5).float()
        fake = torch.nn.functional.avg_pool2d(real[:, 0], 3, 1, 1)[:, None]
        value = losses({"real": real, "fake": fake})[0]["d_gan_mouth"]
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
    assert value < 0.1  # 0.25 is undecided


def test_detail_is_in_the_mouth_and_a_shift_of_brightness_is_none():
    loss = DetailLoss(64)
    real = torch.rand(2, 1, 3, *crop_size(64))
    assert loss(real, real + 0.2, {}) < 1e-5
    elsewhere = real.clone()
    elsewhere[..., :30, :] = 0
    assert loss(real, elsewhere, {}) == 0
    soft = torch.nn.functional.avg_pool2d(real[:, 0], 5, 1, 2)[:, None]
    softer = torch.nn.functional.avg_pool2d(real[:, 0], 9, 1, 4)[:, None]
    assert 0.1 < loss(real, soft, {}) < loss(real, softer, {})
