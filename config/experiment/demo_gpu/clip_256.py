"""Demo, on a GPU: clips of five frames, with SyncNet."""

stage = "clip"
mouth_size = 256
batch_size = 2
augment_num = 32
lr_g = 5e-5
max_minutes = 1.5
lamb_gan_clip = 0.1
freeze_norms = True
starts_from = "frame_256"
syncnet_from = "syncnet"
