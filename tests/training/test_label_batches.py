"""Every row once an epoch, little padding, the right strand."""

import numpy as np
import torch

from hyenascope.sequence.tokenizer import PAD_TOKEN, reverse_complement_tokens
from hyenascope.training.label_batches import LabelledRows, epoch_batches


def rows(count=101, longest=40):
    rng = np.random.default_rng(0)
    tokens = [rng.integers(7, 11, rng.integers(1, longest)) for _ in range(count)]
    return LabelledRows(
        tokens, np.arange(count), np.linspace(1, 2, count, dtype=np.float32)
    )


def taken(some, **how):
    how = {"seed": 0, "epoch": 1, "flip": False, **how}
    return list(epoch_batches(some, 8, **how))


def test_every_row_once_with_its_own_tokens():
    some = rows()
    seen = []
    for batch in taken(some):
        for tokens, mask, target, weight in zip(
            batch.tokens, batch.mask, batch.targets, batch.weights, strict=True
        ):
            number = int(target)
            seen.append(number)
            assert tokens[mask].tolist() == some.tokens[number].tolist()
            assert (tokens[~mask] == PAD_TOKEN).all()
            assert weight == some.weights[number]
    assert sorted(seen) == list(range(101))


def test_order_depends_on_seed_and_epoch_alone():
    def order(**how):
        return torch.cat([batch.targets for batch in taken(rows(), **how)]).tolist()

    assert order() == order()
    assert len({tuple(order(seed=s, epoch=e)) for s in (0, 1) for e in (1, 2)}) == 4


def test_batches_are_of_like_lengths():
    batches = taken(rows(1000))
    padding = 1 - sum(int(b.mask.sum()) for b in batches) / sum(
        b.mask.numel() for b in batches
    )
    assert padding < 0.05
    longest = [batch.tokens.shape[1] for batch in batches[:20]]
    assert longest != sorted(longest)


def test_about_half_of_the_rows_are_turned():
    some = rows(400)
    turned = 0
    for batch in taken(some, flip=True):
        for tokens, mask, target in zip(
            batch.tokens, batch.mask, batch.targets, strict=True
        ):
            own = some.tokens[int(target)]
            same = tokens[mask].tolist() == own.tolist()
            turned += not same
            if not same:
                there = reverse_complement_tokens(own)
                assert tokens[mask].tolist() == there.tolist()
    assert 150 < turned < 250
