"""Demo, on a CPU: half the width, mouths of 32 pixels, pixel loss: what audio does to the mouth is learned here."""

stage = "frame"
mouth_size = 32
batch_size = 8
augment_num = 32
lr_g = 1e-3
max_steps = 1200
max_minutes = 3.5
