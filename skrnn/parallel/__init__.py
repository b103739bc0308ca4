"""Parallel computation: BLAS threads, worker threads and processes, Dask."""
