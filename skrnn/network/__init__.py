"""Networks: parameters as views of one flat theta, layers unrolled over time, and the training objective."""
