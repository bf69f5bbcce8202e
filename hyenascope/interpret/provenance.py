"""Where a result comes from: the fields that every one of them carries."""

from importlib.metadata import version

from hyenascope.data.fasta import FastaReader
from hyenascope.models.checkpoint import checkpoint_hash
from hyenascope.models.model_checks import AnyModel
from hyenascope.models.wrappers.protocol import WrappedModel


def provenance_of(
    model: AnyModel, genome: FastaReader | None = None, /, **options: object
) -> dict[str, object]:
    """Return model, genome and version, and then the options as they were used.

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig, HyenaLM
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> sorted(provenance_of(model, window=8))
    ['checkpoint_hash', 'model', 'modulation_shift', 'version', 'window']
    """
    where: dict[str, object] = {}
    if genome is not None:
        where = {"genome": genome.path.name, "genome_fingerprint": genome.fingerprint}
    who: dict[str, object] = {"model": model.name}
    if isinstance(model, WrappedModel):
        who |= {"checkpoint_hash": model.weights_hash, "wrapper": type(model).__name__}
        who |= {"wrapper_options": repr(model.options)} if model.options else {}
    else:
        who["checkpoint_hash"] = checkpoint_hash(model)
        who["modulation_shift"] = model.config.modulation_shift
    return {
        **who,
        **where,
        "version": version("hyenascope"),
        **options,
    }
