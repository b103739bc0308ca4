"""Speed beside PyTorch, JAX and the matrix products alone: what `make bench` measures, for docs/performance.md."""
