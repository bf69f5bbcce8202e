"""Where a result comes from: the fields that every one of them carries."""

from importlib.metadata import version

from hyenascope.data.fasta import FastaReader
from hyenascope.models.checkpoint import checkpoint_hash
from hyenascope.models.hyena import HyenaLM


def provenance_of(
    model: HyenaLM, genome: FastaReader | None = None, /, **options: object
) -> dict[str, object]:
    """Return model, genome and version, and then the options as they were used.

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> sorted(provenance_of(model, window=8))
    ['checkpoint_hash', 'model', 'modulation_shift', 'version', 'window']
    """
    where: dict[str, object] = {}
    if genome is not None:
        where = {"genome": genome.path.name, "genome_fingerprint": genome.fingerprint}
    return {
        "model": model.name,
        "checkpoint_hash": checkpoint_hash(model),
        "modulation_shift": model.config.modulation_shift,
        **where,
        "version": version("hyenascope"),
        **options,
    }
