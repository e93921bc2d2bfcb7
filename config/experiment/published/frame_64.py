"""Coarsest generator stage, from scratch. Published values (DINet's README and code)."""

stage = "frame"
mouth_size = 64
batch_size = 24
augment_num = 32
non_decay = 135
decay = 135
