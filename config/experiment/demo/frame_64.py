"""Demo, on a CPU: mouths of 64 pixels, with VGG19."""

stage = "frame"
mouth_size = 64
base_channels = 32
batch_size = 8
augment_num = 64
lr_g = 2e-4
non_decay = 500
decay = 500
max_minutes = 4.0
lamb_perception = 1.0
lamb_gan = 0.0
lamb_mouth = 10.0
perceptual_weights = "auto"
starts_from = "frame_32"
val_fraction = 0.2
num_workers = 0
