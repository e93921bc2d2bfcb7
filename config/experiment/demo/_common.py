"""Demo, on a CPU, what all stages share: they end by steps or minutes, and draw from few videos in one process.

A stage's steps are as many as two cores with bf16 instructions do in its minutes. demo.sh counts steps, so that a
slower machine takes longer and learns as much; the minutes are the stages' shares of its --minutes.
"""

non_decay = 500
decay = 500
val_fraction = 0.15
num_workers = 0
base_channels = 32
lamb_perception = 0.0
lamb_gan = 0.0
lamb_mouth = 10.0
lamb_pixel = 20.0
