"""Train the network of Genomic Benchmarks by the loop that fine-tunes a backbone."""

import torch

from hyenascope.data.labelled_sequences import LabelledSequences
from hyenascope.models.benchmark_cnn import SHORTEST, BenchmarkCNN
from hyenascope.models.sequence_input import SequenceInput
from hyenascope.models.sequence_task import SequenceTask
from hyenascope.training.finetune_options import FinetuneOptions
from hyenascope.training.label_fit import fit_labels
from hyenascope.training.label_split import learn_and_choose
from hyenascope.training.layer_rates import ParameterGroups
from hyenascope.training.optimizers import parameter_groups
from hyenascope.training.progress import Monitor


def fit_cnn(
    train: LabelledSequences,
    *,
    validation: float | LabelledSequences | None = None,
    options: FinetuneOptions | None = None,
    device: str | torch.device | None = None,
    monitor: Monitor | None = None,
    progress: bool = True,
) -> BenchmarkCNN:
    """Train a `BenchmarkCNN` as `hyenascope.training.finetune.finetune` trains a model.

    The same rows, batches, steps, choice of the epoch and calibration. So it is not
    the training of the publication, which is Adam at a constant 0.001 and keeps the
    last epoch. On a CPU a long batch is read in parts, and the batch norms then see
    one part at a time.

    Parameters
    ----------
    train, validation
        As in `hyenascope.training.label_split.learn_and_choose`.
    options
        All that decides the weights. The network has no dropout, pooling or frozen
        layers, so those have no say. ``longest`` is the longest sequence of all
        splits if None.
    device
        Where to train; CUDA if there is one.
    monitor
        Hears of every step and can stop the run.
    progress
        Show a bar.

    Returns
    -------
    BenchmarkCNN
        In eval mode on the CPU, calibrated, with the weights of the best epoch.

    Raises
    ------
    LabelError
        As `learn_and_choose`.
    ValueError
        If a sequence is too long to be read, or an option does not fit the task.
    FloatingPointError
        If three steps in a row had no finite loss.
    KeyboardInterrupt
        If it was stopped, by the monitor too: half a baseline is none.

    Examples
    --------
    >>> import numpy as np
    >>> data = LabelledSequences(
    ...     "toy",
    ...     ("ACAC", "CACA", "GTTT", "TTGT") * 5,
    ...     np.array([0, 0, 1, 1] * 5),
    ...     ("ac", "gt"),
    ...     ("train",) * 20,
    ...     "binary",
    ... )
    >>> how = FinetuneOptions(epochs=1)
    >>> fit_cnn(data, validation=0.5, options=how, progress=False).reading.longest
    57
    """
    options = options or FinetuneOptions()
    learn, choose = learn_and_choose(train, validation, seed=options.seed)
    task = SequenceTask(learn.task, learn.label_names)
    longest = options.longest
    if longest is None:
        longest = max(map(len, (*train.sequences, *choose.sequences)))
    model = BenchmarkCNN(
        task,
        reading=SequenceInput(
            max(SHORTEST, longest), options.too_long, options.strands
        ),
        generator=torch.Generator().manual_seed(options.seed),
    )
    fit = fit_labels(
        model,
        learn,
        choose,
        groups=_groups(model, options),
        options=options,
        device=device,
        name="benchmark-cnn",
        monitor=monitor,
        progress=progress,
    )
    if not fit.finished:
        raise KeyboardInterrupt(fit.message)
    return model


def _groups(model: BenchmarkCNN, options: FinetuneOptions) -> ParameterGroups:
    groups = parameter_groups(model, options.weight_decay, preset="modern")
    return [{**group, "lr": options.learning_rate} for group in groups]
