"""Demo, on a GPU: mouths of 256 pixels, the final size."""

stage = "frame"
mouth_size = 256
batch_size = 8
augment_num = 64
lr_g = 1e-4
non_decay = 500
decay = 500
max_minutes = 2.0
lamb_mouth = 10.0
lamb_pixel = 20.0
lamb_gan = 0.1
perceptual_weights = "auto"
starts_from = "frame_128"
val_fraction = 0.15
