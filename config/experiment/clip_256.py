"""Clips of five frames with SyncNet's loss. Published sizes and schedule."""

stage = "clip"
mouth_size = 256
batch_size = 3
augment_num = 3
non_decay = 80
decay = 80
freeze_norms = True
starts_from = "frame_256"
syncnet_from = "syncnet"
