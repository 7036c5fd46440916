"""Training: samples, augmentation, losses, and the loop."""
