"""SLT-Net (CVPR 2022): its short-term network, and its long-term one on top."""
