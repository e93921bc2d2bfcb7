"""Demo, on a CPU: mouths of 64 pixels, from the generator that knows what audio does."""

stage = "frame"
mouth_size = 64
base_channels = 32
batch_size = 8
augment_num = 32
lr_g = 5e-4
non_decay = 500
decay = 500
max_minutes = 6.0
lamb_perception = 0.0
lamb_gan = 0.0
lamb_mouth = 10.0
lamb_pixel = 20.0
starts_from = "frame_32"
val_fraction = 0.15
num_workers = 0
