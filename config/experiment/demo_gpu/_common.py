"""Demo, on a GPU, what all stages share: they end by time; pixel losses stand beside the published ones."""

non_decay = 500
decay = 500
val_fraction = 0.15
lamb_mouth = 10.0
lamb_pixel = 20.0
lamb_gan = 0.1
perceptual_weights = "auto"
