"""Demo, on a GPU: mouths of 128 pixels."""

stage = "frame"
mouth_size = 128
batch_size = 16
augment_num = 128
lr_g = 2e-4
max_minutes = 2.0
starts_from = "frame_64"
