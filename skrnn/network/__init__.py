"""Networks: parameters on one flat theta, layers unrolled over time, and the objective of training."""
