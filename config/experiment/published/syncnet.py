"""SyncNet on mouths of 256 pixels. Published: the network; its training was not, so the recipe is this project's."""

stage = "syncnet"
mouth_size = 256
batch_size = 64
augment_num = 64
non_decay = 100
decay = 100
lr_g = 2e-4
warmup_steps = 100
ema = 0.999
