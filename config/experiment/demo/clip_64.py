"""Demo, on a CPU: clips of five frames, with the mouth's discriminator and SyncNet."""

stage = "clip"
mouth_size = 64
batch_size = 2
augment_num = 8
lr_g = 5e-5
max_steps = 140
max_minutes = 1.5
lamb_gan_clip = 0.0
lamb_sync = 0.5
freeze_norms = True
starts_from = "frame_64"
syncnet_from = "syncnet"
lamb_gan_mouth = 0.1
lr_d = 2e-4
