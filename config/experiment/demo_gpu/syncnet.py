"""Demo, on a GPU: SyncNet on mouths of 64 pixels."""

stage = "syncnet"
mouth_size = 64
batch_size = 128
augment_num = 512
lr_g = 2.5e-4
warmup_steps = 100
max_minutes = 2.0
