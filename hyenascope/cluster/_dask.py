"""The parts of Dask that we use, or how to get them."""

try:
    import dask.config as dask_config
    from distributed import Client, Future, KilledWorker, LocalCluster, get_worker
    from distributed.comm import CommClosedError
except ImportError as err:
    raise ImportError(
        "runs with many workers need Dask: pip install 'hyenascope[cluster]'"
    ) from err

__all__ = [
    "Client",
    "CommClosedError",
    "Future",
    "KilledWorker",
    "LocalCluster",
    "dask_config",
    "get_worker",
]
