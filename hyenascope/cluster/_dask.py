"""The parts of Dask that we use, or how to get them."""

try:
    import dask.config as dask_config
    from dask.system import CPU_COUNT
    from distributed import Client, Future, KilledWorker, LocalCluster, get_worker
    from distributed.security import Security
except ImportError as err:
    raise ImportError(
        "runs with many workers need Dask: pip install 'hyenascope[cluster]'"
    ) from err

__all__ = [
    "CPU_COUNT",
    "Client",
    "Future",
    "KilledWorker",
    "LocalCluster",
    "Security",
    "dask_config",
    "get_worker",
]
