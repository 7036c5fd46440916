"""Motion Grouping (ICCV 2021, arXiv 2104.07658): layers of optical flow, without labels."""
