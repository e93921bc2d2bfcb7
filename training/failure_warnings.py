"""Signs that a run will come to nothing, each said once with what to try."""

from tqdm import tqdm

CHANCE_STEPS = 1000  # SyncNet steps after which held-out accuracy must have left chance
CHANCE_WITHIN_1 = 0.25  # of 1 s averages; pure chance is 0.10
SATURATED = 0.02  # discriminator loss below which the generator learns nothing from it; 0.25 is undecided


class FailureWarnings:
    """Looks at what is logged. Made on the main process only."""

    def __init__(self):
        self.said: set[str] = set()

    def look(self, step: int, values: dict[str, float]) -> None:
        """Warn of what `values`, by their logged names, show."""
        accuracy = values.get("val/offset_1s_within_1")
        if accuracy is not None and step >= CHANCE_STEPS and accuracy < CHANCE_WITHIN_1:
            self.say(
                "chance",
                f"SyncNet is at chance after {step} steps ({accuracy:.2f} of held-out seconds within a frame): check "
                "that sound and picture of the training videos are in step, then try a lower --lr_g, a smaller "
                "--mouth_size or more videos",
            )
        for name, value in values.items():
            if name.startswith("d_") and value < SATURATED:
                self.say(
                    name,
                    f"the discriminator {name.removeprefix('d_')} is saturated (loss {value:.3f}) and teaches the "
                    f"generator nothing; try a lower --lr_d or --lamb_{name.removeprefix('d_').removesuffix('_image')}",
                )

    def say(self, sign: str, sentence: str) -> None:
        if sign not in self.said:
            self.said.add(sign)
            tqdm.write(f"warning: {sentence}")
