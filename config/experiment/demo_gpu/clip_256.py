"""Demo, on a GPU: clips of five frames, with SyncNet."""

stage = "clip"
mouth_size = 256
batch_size = 2
augment_num = 32
lr_g = 5e-5
non_decay = 500
decay = 500
max_minutes = 1.5
lamb_mouth = 10.0
lamb_pixel = 20.0
lamb_gan = 0.1
lamb_gan_clip = 0.1
perceptual_weights = "auto"
freeze_norms = True
starts_from = "frame_256"
syncnet_from = "syncnet"
val_fraction = 0.15
