"""What decides a network's weights: networks, augmentation, the training loop."""
