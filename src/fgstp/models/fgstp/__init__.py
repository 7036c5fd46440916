"""FGSTP (arXiv 2505.00295), and its ablations."""
