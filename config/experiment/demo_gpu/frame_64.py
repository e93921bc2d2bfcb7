"""Demo, on a GPU: the published width; pixel loss beside the published ones, for few data."""

stage = "frame"
mouth_size = 64
batch_size = 24
augment_num = 128
lr_g = 5e-4
non_decay = 500
decay = 500
max_minutes = 2.5
lamb_mouth = 10.0
lamb_pixel = 20.0
lamb_gan = 0.1
perceptual_weights = "auto"
val_fraction = 0.15
