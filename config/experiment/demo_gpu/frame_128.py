"""Demo, on a GPU: mouths of 128 pixels."""

stage = "frame"
mouth_size = 128
batch_size = 16
augment_num = 128
lr_g = 2e-4
non_decay = 500
decay = 500
max_minutes = 2.0
lamb_mouth = 10.0
lamb_pixel = 20.0
lamb_gan = 0.1
perceptual_weights = "auto"
starts_from = "frame_64"
val_fraction = 0.15
