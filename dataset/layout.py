"""Where the parts of a training set lie (names of the published code)."""

from dataclasses import dataclass
from pathlib import Path

FRAME_NAME = "{:06d}.jpg"


@dataclass(frozen=True)
class TrainingSetLayout:
    """Paths inside one training set folder, `--training_data_path`."""

    root: Path

    @property
    def videos(self) -> Path:
        return self.root / "split_video_25fps"

    @property
    def landmarks(self) -> Path:
        return self.root / "split_video_25fps_landmark_openface"

    @property
    def frames(self) -> Path:
        return self.root / "split_video_25fps_frame"

    @property
    def audio(self) -> Path:
        return self.root / "split_video_25fps_audio"

    @property
    def crops(self) -> Path:
        return self.root / "split_video_25fps_crop_face"

    def packed_crops(self, mouth_size: int) -> Path:
        """The folder of crops that are stored decoded, resized for this mouth size (64: 104 x 80)."""
        return self.root / f"split_video_25fps_crop_face_{mouth_size}"

    @property
    def crop_landmarks(self) -> Path:
        return self.root / "landmark_crop_dic.npy"

    @property
    def training_json(self) -> Path:
        return self.root / "training_json.json"

    def features(self, audio_feature: str) -> Path:
        """The folder of an audio feature; the ":" and "/" of names such as "hf:facebook/hubert" become "_"."""
        return self.root / f"split_video_25fps_{audio_feature.replace(':', '_').replace('/', '_')}"
