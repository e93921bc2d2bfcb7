"""What all published stages share: none of this project's additions."""

silence_share = 0.0
lamb_opening = 0.0
ema = 0.0
