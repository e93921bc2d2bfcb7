"""Coarsest generator stage, from scratch. Published sizes and schedule."""

stage = "frame"
mouth_size = 64
batch_size = 24
augment_num = 32
non_decay = 135
decay = 135
