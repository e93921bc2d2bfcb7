"""Second generator stage. Published values."""

stage = "frame"
mouth_size = 128
batch_size = 80
augment_num = 100
non_decay = 100
decay = 100
starts_from = "frame_64"
