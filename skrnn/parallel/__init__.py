"""How work is divided: BLAS threads, worker threads and processes, Dask; private."""
