"""Numbers that the whole project shares. Each is stated here once."""

FPS = 25  # frames a second of training data; audio features step at the same rate
SAMPLE_RATE = 16000  # Hz, of every waveform inside the project
CLIP_FRAMES = 9  # frames in one training clip: 5 centre frames and 2 of context on either side
WINDOW_FRAMES = 5  # frames of a clip sample, and audio steps that a single frame sees
NUM_REFERENCES = 5  # reference frames that the generators are built for
CROP_WIDTH = 320  # pixels, of a stored face crop
CROP_HEIGHT = 416  # 1.3 * CROP_WIDTH
MAX_OFFSET = 15  # frames, either way, by which mouth and sound are tried out of step
NUM_LANDMARKS = 68  # iBUG 300-W layout, as OpenFace writes it
