"""Fine-tuning trained models to the leak-free footage of one camera."""
