"""Speed compared with PyTorch, JAX and the matrix products alone: `make bench`, for docs/performance.md."""
