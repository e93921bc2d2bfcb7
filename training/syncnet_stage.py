"""Builds SyncNet stages."""

from torch.utils.data import default_collate

from config.config import SyncNetOptions
from config.constants import WINDOW_FRAMES
from dataset.manifest import Manifest
from dataset.samples import SyncSamples
from dataset.split import split
from models.frames import fold_frames, to_unit
from models.loading import NetworkSpec, load_syncnet
from models.syncnet import SyncNet
from training.initialization import initialise_syncnet
from training.parallel import Parallel
from training.phases import Phase
from training.stages import BuiltStage, Validation
from training.syncnet_losses import SyncNetLosses
from training.syncnet_validation import offset_accuracy, offset_scores

INITIAL_BATCH = 64  # samples whose statistics SyncNet starts from


def build_syncnet(options: SyncNetOptions, manifest: Manifest, parallel: Parallel) -> BuiltStage:
    parts = split(manifest, options.val_fraction)
    samples = SyncSamples(parts.train, options.mouth_size, options.augment_num, options.seed)
    spec = syncnet_spec(options, manifest)
    syncnet = parallel.place(spec.build())
    start(syncnet, options, samples, parallel)
    phase = syncnet_phase(options, syncnet)

    def validate() -> Validation:
        network = phase.used_network
        blocks = offset_scores(network, parts.held_out, options.mouth_size, parallel.device, options.precision)
        return Validation(offset_accuracy(blocks))

    validated = validate if parts.held_out else None
    return BuiltStage(options, spec, parts, samples, [phase], manifest.fingerprint(), validated)


def syncnet_spec(options: SyncNetOptions, manifest: Manifest) -> NetworkSpec:
    arguments = {
        "in_channel_image": 3 * WINDOW_FRAMES,
        "in_channel_audio": manifest.audio_channel,
        "out_dim": 128,
    }
    return NetworkSpec("syncnet", arguments, manifest.audio_feature, manifest.crop, "box", options.mouth_size)


def syncnet_phase(options: SyncNetOptions, syncnet: SyncNet) -> Phase:
    losses = SyncNetLosses(syncnet, options.lamb_contrast)
    needs = ("mouth", "audio", "negatives")
    return Phase("syncnet", losses, syncnet, options.lr_g, needs, options.ema, options.precision)


def start(syncnet: SyncNet, options: SyncNetOptions, samples: SyncSamples, parallel: Parallel) -> None:
    """From the checkpoint that was given, else from weights with which SyncNet learns within minutes."""
    if options.pretrained_syncnet_path:
        loaded = load_syncnet(options.pretrained_syncnet_path, "--pretrained_syncnet_path")
        syncnet.load_state_dict(loaded.network.state_dict())
        return
    batch = default_collate([samples[0, index] for index in range(INITIAL_BATCH)])
    images = fold_frames(to_unit(batch["mouth"].to(parallel.device)))
    initialise_syncnet(syncnet, images, batch["audio"].to(parallel.device))
