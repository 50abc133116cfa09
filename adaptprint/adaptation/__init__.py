"""How a model is adapted: recipe, prior, BatchNorm, pytorch-adapt's hooks, schedule and loop."""
