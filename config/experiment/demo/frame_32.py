"""Demo, on a CPU: half the width, mouths of 32 pixels, pixel loss: what audio does to the mouth is learned here."""

stage = "frame"
mouth_size = 32
base_channels = 32
batch_size = 8
augment_num = 32
lr_g = 1e-3
non_decay = 500
decay = 500
max_minutes = 3.5
lamb_perception = 0.0
lamb_gan = 0.0
lamb_mouth = 10.0
lamb_pixel = 20.0
val_fraction = 0.15
num_workers = 0
