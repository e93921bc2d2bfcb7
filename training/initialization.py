"""Where SyncNet starts from: weights with which it learns within minutes rather than staying at chance.

The network is the published one, without norm layers, and its weights are three ordinary draws changed in three ways:

1. The first layer of the face encoder sees motion: the mean over the five frames is taken out of every filter. What
   the frames share (face, light, position) is most of what differs between samples, and says nothing about sync.
2. Every convolution of the encoders is scaled and shifted so that its outputs on one real batch have mean 0 and
   variance 1 (Kraehenbuehl et al., ICLR 2016, arXiv 1511.06856). With PyTorch's default weights the signal shrinks from
   layer to layer until the network answers the same to everything.
3. The score falls with the distance between the two embeddings, so that pulling matching embeddings together is
   already sync, and nothing has to be unlearned.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from models.syncnet import SyncNet

NOISE = 0.02  # of PyTorch's draw that stays in the score's layers, to break symmetry
MEAN_SCORE, SCORE_SPREAD = 0.5, 0.2  # over matching and foreign pairs, before training


@torch.no_grad()
def initialise_syncnet(syncnet: SyncNet, images: Tensor, audio: Tensor) -> None:
    """Set the weights by one batch: images (B, 15, S, S), audio (B, C, 9), row by row in sync. B at least 8."""
    see_motion(syncnet.face_encoder.face_conv[0].conv)
    normalise_outputs(syncnet.face_encoder, lambda: syncnet.face_encoder(images))
    normalise_outputs(syncnet.audio_encoder, lambda: syncnet.audio_encoder(audio))
    score_by_distance(syncnet, images, audio)


def see_motion(conv: nn.Conv2d) -> None:
    """Make filters over stacked RGB frames answer 0 to frames that are all the same."""
    frames = conv.weight.view(conv.out_channels, -1, 3, *conv.kernel_size)
    frames.sub_(frames.mean(1, keepdim=True))


def normalise_outputs(network: nn.Module, run: Callable[[], object]) -> None:
    """Rescale every convolution of `network`, in the order in which `run` calls them.

    `run` passes a batch through the network. Statistics are those of each output channel over batch and space.
    """
    done: set[nn.Module] = set()

    def rescale(layer: nn.Module, _inputs: tuple, output: Tensor) -> Tensor:
        if layer in done:
            return output
        done.add(layer)
        values = output.float().transpose(0, 1).flatten(1)
        mean, std = values.mean(1), values.std(1).clamp_min(1e-4)
        layer.weight.div_(std.view(-1, *[1] * (layer.weight.dim() - 1)))
        layer.bias.sub_(mean).div_(std)
        shape = (1, -1, *[1] * (output.dim() - 2))
        return (output - mean.view(shape)) / std.view(shape)

    handles = [m.register_forward_hook(rescale) for m in network.modules() if isinstance(m, nn.Conv1d | nn.Conv2d)]
    try:
        run()
    finally:
        for handle in handles:
            handle.remove()


def score_by_distance(syncnet: SyncNet, images: Tensor, audio: Tensor) -> None:
    """Make the score fall linearly with the L1 distance of the embeddings along random orthogonal directions.

    Each direction comes twice, with either sign: the sum of the two LeakyReLUs is an absolute value.
    """
    compare, _, score = syncnet.merge_encoder
    channels = compare.out_channels
    directions = torch.linalg.qr(torch.randn(channels, channels))[0][: channels // 2].to(compare.weight)
    directions = torch.cat((directions, -directions))
    for layer in (compare, score):
        layer.weight.mul_(NOISE)
        layer.bias.zero_()
    compare.weight[:, :channels, 1, 1] += directions
    compare.weight[:, channels:, 1, 1] -= directions
    score.weight[..., 1, 1] -= 1
    mouths, sounds = syncnet.face_encoder(images), syncnet.audio_encoder(audio)
    scores = torch.cat([syncnet.score(mouths, sounds.roll(shift, 0)).mean((1, 2, 3)) for shift in (0, 1, 2)])
    scale = SCORE_SPREAD / scores.std().clamp_min(1e-4)
    score.weight.mul_(scale)
    score.bias.copy_((MEAN_SCORE - scores.mean() * scale).expand(1))
