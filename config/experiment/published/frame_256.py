"""Third generator stage, at the final size. Published values."""

stage = "frame"
mouth_size = 256
batch_size = 12
augment_num = 20
non_decay = 100
decay = 100
starts_from = "frame_128"
