"""Demo, on a GPU: the published width; pixel loss beside the published ones, for few data."""

stage = "frame"
mouth_size = 64
batch_size = 24
augment_num = 128
lr_g = 5e-4
max_minutes = 2.5
