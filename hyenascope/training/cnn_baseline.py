"""Train the network of Genomic Benchmarks by the loop that fine-tunes a backbone."""

import numpy as np
import torch

from hyenascope._device import resolve_device
from hyenascope.data.labelled_sequences import LabelledSequences
from hyenascope.models.benchmark_cnn import SHORTEST, BenchmarkCNN
from hyenascope.models.sequence_model import SequenceInput
from hyenascope.models.sequence_task import SequenceTask
from hyenascope.training.calibration import fit_temperature
from hyenascope.training.finetune_options import FinetuneOptions
from hyenascope.training.label_batches import LabelledRows
from hyenascope.training.label_loop import LabelLoop, ValidationRows
from hyenascope.training.label_split import learn_and_choose
from hyenascope.training.label_weights import label_weights
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

    Examples
    --------
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
    longest = options.longest or max(
        len(text) for part in (train, choose) for text in part.sequences
    )
    model = BenchmarkCNN(
        task,
        reading=SequenceInput(
            max(SHORTEST, longest), options.too_long, options.strands
        ),
        generator=torch.Generator().manual_seed(options.seed),
    )
    if task.kind == "regression":
        model.centre.copy_(torch.from_numpy(learn.labels.mean(axis=0)))
        model.scale.copy_(torch.from_numpy(learn.labels.std(axis=0)))
    loop = LabelLoop(
        module=model.to(resolve_device(device)),
        task=task,
        train=_rows(model, learn, options),
        valid=ValidationRows(
            _rows(model, choose, options), choose.labels, model.answers
        ),
        options=options,
        groups=_groups(model, options),
        monitor=monitor,
        progress=progress,
    )
    loop.run(name="benchmark-cnn")
    if task.kind != "regression":
        found = fit_temperature(loop.valid_logits(), choose.labels, task)
        model.temperature.fill_(found)
    return model.cpu().eval()


def _rows(
    model: BenchmarkCNN, data: LabelledSequences, options: FinetuneOptions
) -> LabelledRows:
    names = data.ids or [f"row {n}" for n in range(1, len(data) + 1)]
    targets = np.array(data.labels)  # torch wants an array it could write
    if data.task == "regression":
        targets = (targets - model.centre.cpu().numpy()) / model.scale.cpu().numpy()
    return LabelledRows(
        model.reading.rows(names, data.sequences),
        targets,
        label_weights(data, options.class_weights),
    )


def _groups(model: BenchmarkCNN, options: FinetuneOptions) -> ParameterGroups:
    groups = parameter_groups(model, options.weight_decay, preset="modern")
    return [{**group, "lr": options.learning_rate} for group in groups]
