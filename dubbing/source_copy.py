"""The source of a dub as it is played beside the result: frame for frame, and in a form that browsers show."""

from pathlib import Path

from media.picture import Picture, as_bt709
from media.video import VideoInfo, VideoWriter

LONGEST_SIDE = 640  # pixels: it is looked at in half a page
CRF = 23  # x264's default


class SourceCopy(VideoWriter):
    """Writes frames of a video, shrunk and without sound, into an MP4. Use as a VideoWriter."""

    def __init__(self, path: Path, info: VideoInfo):
        scale = min(1.0, LONGEST_SIDE / max(info.width, info.height))
        width, height = (max(2, round(side * scale) // 2 * 2) for side in (info.width, info.height))
        super().__init__(path, width, height, info.fps, crf=CRF, preset="ultrafast")

    def write(self, image: Picture) -> None:
        """Append one frame of the source."""
        # Browsers guess the colours of untagged video by its size.
        super().write(Picture(as_bt709(image.frame, width=self.width, height=self.height)))
