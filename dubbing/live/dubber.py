"""A speaking face, live: sound is pushed as it comes, and frames come back with the sound that belongs to them.

One clock, the sound's: frame k shows what is heard at k / fps. It is ready once the sound of its window has come, for
the feature mel 106 ms after k / fps.
"""

import copy
import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from audio.features import open_stream
from config.constants import SAMPLE_RATE, WINDOW_FRAMES
from dubbing.avatar import Avatar, open_avatar
from dubbing.live.effort import Effort
from dubbing.live.rest import RestingFace
from dubbing.live.shots import Shot, Shots
from dubbing.live.sound import LiveSound
from dubbing.live.walk import Walk
from dubbing.placer import MouthPlacer
from dubbing.renderer import Renderer
from face.alignment import network_crop
from face.detail import detail_of

BATCH = 4  # frames generated together where so many are ready


@dataclass(frozen=True)
class LiveFrame:
    """Frame `index`, on screen from `time` = index / fps seconds: image (H, W, 3) RGB uint8, samples (n,) float32.

    The image is read-only, for other frames may show it too; draw on a copy.
    """

    index: int
    time: float
    image: np.ndarray
    samples: np.ndarray


class LiveDubber:
    """Speech in, frames out. Not for several threads at once; several dubbers may run side by side.

    avatar: open, or its folder; device, precision, detail: as the options of live.py; renderer: one that was loaded for
    an avatar of the same checkpoint, which saves loading it again. Raises InputError for an avatar that cannot be used,
    or whose generator needs to hear a whole recording.

    `effort` may be set at any time, for a machine that falls behind; `shots` counts what it left undrawn.

    Memory does not grow with the stream: what `push` is given at once is answered at once, so give it seconds, not
    hours.
    """

    def __init__(
        self,
        avatar: Avatar | str | Path,
        *,
        device: str = "auto",
        precision: str = "auto",
        renderer: Renderer | None = None,
        detail: float = 1.0,
    ):
        self.avatar = avatar if isinstance(avatar, Avatar) else open_avatar(avatar)
        record = self.avatar.record
        self.fps = record.rate
        self.features = open_stream(record.audio_feature)
        self.renderer = copy.copy(renderer) if renderer else self.avatar.load_renderer(device, precision)
        self.renderer.reference = self.avatar.reference_for(self.renderer)
        self.placer = MouthPlacer(self.renderer.paster, detail_of(self.avatar.mouths, record.mouth_size, detail))
        self.rest = RestingFace(self.avatar)
        self.shots = Shots(Walk(record.num_frames, self.rest.idle), self.avatar.faces.usable, self.rest.is_known)
        self.sound, self.has_ended = LiveSound(), False
        self.face: np.ndarray | None = None  # the last that was generated
        self.picture: np.ndarray | None = None  # the last that was shown, RGB
        self.effort = Effort()
        self.warm_up()

    def push(self, samples: np.ndarray) -> list[LiveFrame]:
        """Speech goes on by float32 samples (n,) in [-1, 1], 16 kHz mono. Returns the frames that are ready now.

        Raises InputError for samples that are not finite.
        """
        return self.append(np.asarray(samples, np.float32), is_speech=True)

    def idle(self, seconds: float) -> list[LiveFrame]:
        """No speech arrives for so long: the clock goes on in silence, the mouth closes, and the avatar rests."""
        if not 0 <= seconds < math.inf:
            raise ValueError(f"idle for {seconds} seconds")
        return self.append(np.zeros(round(seconds * SAMPLE_RATE), np.float32), is_speech=False)

    def interrupt(self) -> None:
        """Speech that was pushed and is in no frame yet becomes silence. The clock and the number of frames stay."""
        position = self.boundary(self.index)
        if position < self.sound.end:
            self.features.cut(position)
            self.features.push(self.sound.silence_from(position))

    def finish(self) -> list[LiveFrame]:
        """The stream has ended. Returns the frames that are left; the last one's samples end in silence."""
        if not self.has_ended:
            self.has_ended = True
            self.features.end()
        return self.ready_frames()

    def append(self, samples: np.ndarray, is_speech: bool) -> list[LiveFrame]:
        if self.has_ended:
            raise ValueError("this stream has ended; make another LiveDubber")
        if samples.ndim != 1:
            raise ValueError(f"samples of shape {samples.shape}; expected (n,)")
        self.features.push(samples)
        self.sound.append(samples, is_speech)
        return self.ready_frames()

    @property
    def index(self) -> int:
        """Of the frame that is shown next."""
        return self.shots.index

    def boundary(self, index: int) -> int:
        """The number of the first sample that is heard with a frame."""
        return round(index * SAMPLE_RATE / self.fps)

    def is_ready(self, index: int) -> bool:
        if self.has_ended:
            return self.boundary(index) < self.sound.end
        return max(self.boundary(index + 1), self.features.samples_for(index / float(self.fps))) <= self.sound.end

    def ready_frames(self) -> list[LiveFrame]:
        """All that can be shown, in groups of BATCH and one: the network is compiled anew for every other number."""
        frames = []
        while self.is_ready(self.index):
            count = BATCH if self.is_ready(self.index + BATCH - 1) else 1
            frames += self.show([self.next_shot() for _ in range(count)])
            self.sound.forget(self.boundary(self.index))
        return frames

    def next_shot(self) -> Shot:
        """The next frame of the stream: at rest where no speech is heard from its beginning to its window's end."""
        future = self.features.samples_for(self.index / float(self.fps))
        return self.shots.next(not self.sound.is_speech(self.boundary(self.index), future), self.effort)

    def show(self, shots: list[Shot]) -> list[LiveFrame]:
        windows = self.features.windows(np.array([shot.index for shot in shots]) / float(self.fps))
        new = [i for i, shot in enumerate(shots) if shot.is_new]
        pictures = self.draw([shots[i] for i in new], windows[new]) if new else []
        drawn = {shots[i].index: picture for i, picture in zip(new, pictures, strict=True)}
        frames = []
        for shot in shots:
            self.picture = drawn.get(shot.index, self.picture)
            samples = self.sound.cut(self.boundary(shot.index), self.boundary(shot.index + 1))
            frames.append(LiveFrame(shot.index, shot.index / float(self.fps), self.picture, samples))
        return frames

    def draw(self, shots: list[Shot], windows: np.ndarray) -> list[np.ndarray]:
        """RGB pictures (H, W, 3) from audio windows (B, 5, dim)."""
        images = [self.avatar.frames.read(shot.number) for shot in shots]
        matrices = [self.avatar.faces.video_to_crop[shot.number] for shot in shots]
        drawn = [i for i, shot in enumerate(shots) if shot.share > 0 and self.avatar.faces.usable[shot.number]]
        crops = {i: network_crop(images[i], matrices[i], self.renderer.mouth_size) for i in drawn}
        faces = self.faces(shots, crops, windows)
        times = [shot.number / float(self.fps) for shot in shots]
        mouths = {i: self.placer.paste(images[i], faces[i], crops[i], matrices[i], times[i]) for i in drawn}
        return [self.picture_of(shot, images[i], mouths.get(i)) for i, shot in enumerate(shots)]

    def faces(self, shots: list[Shot], crops: dict[int, np.ndarray], windows: np.ndarray) -> dict[int, np.ndarray]:
        """A face for each of `crops`, by its place in `shots`: generated, or the one before."""
        new = [i for i in crops if shots[i].is_spoken]
        faces: dict[int, np.ndarray] = {}
        for group in [new] if len(new) == BATCH else [[i] for i in new]:
            generated = self.renderer.generate(np.stack([crops[i] for i in group]), windows[group])
            faces |= dict(zip(group, generated, strict=True))
        for i in crops:
            self.face = faces.setdefault(i, self.face)
        return faces

    def picture_of(self, shot: Shot, image: np.ndarray, drawn: np.ndarray | None) -> np.ndarray:
        """The avatar's frame as it goes out, RGB: `drawn`, with a drawn mouth, gives way to the one at rest."""
        if shot.share < 1:
            resting = self.rest.show(shot.number, image)
            image = resting if drawn is None else cv2.addWeighted(drawn, shot.share, resting, 1 - shot.share, 0)
        elif drawn is not None:
            image = drawn
        picture = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        picture.flags.writeable = False
        return picture

    def warm_up(self) -> None:
        """First passes take many times as long as others, and would make the first frame late."""
        height, width = self.renderer.mask.shape
        for count in (1, BATCH):
            windows = np.zeros((count, WINDOW_FRAMES, self.renderer.spec.arguments["audio_channel"]), np.float32)
            self.renderer.generate(np.zeros((count, height, width, 3), np.uint8), windows)
