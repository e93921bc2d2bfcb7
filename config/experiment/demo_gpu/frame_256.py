"""Demo, on a GPU: mouths of 256 pixels, the final size."""

stage = "frame"
mouth_size = 256
batch_size = 8
augment_num = 64
lr_g = 1e-4
max_minutes = 2.0
starts_from = "frame_128"
