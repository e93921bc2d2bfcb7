"""An avatar opened: the frames of a face at any index, where the face is in them, and the generator that knows it."""

from dataclasses import dataclass
from pathlib import Path

import torch

from config.config import InferenceOptions
from config.errors import InputError
from dubbing.avatar_record import ARRAYS, FRAMES, GENERATOR, MOUTHS, REMEDY, AvatarRecord, read_record
from dubbing.cache import content_hash
from dubbing.faces import SourceFaces
from dubbing.renderer import Renderer
from face.detail import OwnMouths
from media.files import load_array
from media.frame_store import FrameStore
from models.device import PRECISION_TYPES, choose_device
from models.dinet import ReferenceFeatures
from models.loading import load_generator


@dataclass(frozen=True)
class Avatar:
    """What avatar.py found out about one video and one generator. `reference`: in float32, on the CPU; `mouths`: the
    video's own, if it keeps them."""

    folder: Path
    record: AvatarRecord
    frames: FrameStore
    faces: SourceFaces
    reference: ReferenceFeatures
    mouths: OwnMouths | None

    def load_renderer(self, device: str, precision: str) -> Renderer:
        """The generator, ready to show this face. `device`, `precision`: as --device and --precision.

        Raises InputError where they cannot be used here.
        """
        generator = load_generator(self.folder / GENERATOR, "the avatar's generator")
        renderer = Renderer(generator, choose_device(device), precision)
        renderer.reference = self.reference_for(renderer)
        return renderer

    def reference_for(self, renderer: Renderer) -> ReferenceFeatures:
        """The features of the face's reference frames, where and as the generator works."""
        kind = PRECISION_TYPES[renderer.precision]
        return renderer.placed(tensor.to(kind) for tensor in self.reference)


def open_avatar(folder: str | Path) -> Avatar:
    """Raises InputError for a folder that is no avatar, of another version, or damaged: a file is missing or changed.

    Frames are not looked at; one that is damaged raises it when it is read.
    """
    folder, record = Path(folder), read_record(folder)
    for name in (*record.files, FRAMES):
        if not (folder / name).is_file():
            raise InputError(f"{folder}: {name} is missing; {REMEDY}")
    for name in record.files:
        if content_hash(folder / name) != record.files[name]:
            raise InputError(f"{folder}: {name} is damaged or of another avatar; {REMEDY}")
    arrays = {name: load_array(folder / f"{name}.npy", REMEDY) for name in ARRAYS}
    has_mouths = set(MOUTHS) <= record.files.keys()
    mouths = OwnMouths(*(load_array(folder / name, REMEDY) for name in MOUTHS)) if has_mouths else None
    frames = FrameStore(folder / FRAMES, arrays["checksums"])
    faces = SourceFaces(*(arrays[name] for name in ("landmarks", "confidence", "video_to_crop")))
    reference = ReferenceFeatures(*(torch.from_numpy(arrays[f"reference_{n}"]) for n in ReferenceFeatures._fields))
    return Avatar(folder, record, frames, faces, reference, mouths)


def open_for_dubbing(options: InferenceOptions) -> Avatar:
    """The avatar that is --source_video_path. Raises InputError, as open_avatar does, for damaged frames too, and where
    it was made with another checkpoint."""
    avatar = open_avatar(options.source_video_path)
    checkpoint, files = options.pretrained_clip_DINet_path, avatar.record.files
    if content_hash(checkpoint) not in (avatar.record.checkpoint, files[GENERATOR]):
        raise InputError(
            f"{avatar.folder}: made with another checkpoint than --pretrained_clip_DINet_path {checkpoint}; "
            f"{REMEDY}, or give {avatar.folder / GENERATOR}"
        )
    for number in range(len(avatar.frames)):
        avatar.frames.check(number)
    return avatar
