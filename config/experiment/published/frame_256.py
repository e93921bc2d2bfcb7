"""Third generator stage, at the final size. Published values."""

stage = "frame"
mouth_size = 256
batch_size = 12
augment_num = 20
non_decay = 100
decay = 100
starts_from = "frame_128"
silence_share = 0.0
lamb_opening = 0.0
ema = 0.0
