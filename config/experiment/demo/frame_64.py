"""Demo, on a CPU: mouths of 64 pixels, from the generator that knows what audio does."""

stage = "frame"
mouth_size = 64
batch_size = 8
augment_num = 32
lr_g = 5e-4
max_steps = 600
max_minutes = 6.0
starts_from = "frame_32"
lamb_gan_mouth = 0.1
lr_d = 2e-4
