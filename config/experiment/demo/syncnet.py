"""Demo, on a CPU: SyncNet on small mouths, for minutes rather than days."""

stage = "syncnet"
mouth_size = 32
batch_size = 32
augment_num = 256
lr_g = 4e-4
max_steps = 400
max_minutes = 2.0
warmup_steps = 50
