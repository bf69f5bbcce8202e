"""The words for shapes, used in every annotation of the package.

One word is one axis everywhere. jaxtyping checks them while the tests run
(``--jaxtyping-packages=hyenascope,beartype.beartype``); users pay nothing.

==========  ==================================================================
word        axis
==========  ==================================================================
batch       sequences in one call
length      positions along DNA, one per base or token
vocab       rows of the embedding table (16 for a 12-token vocabulary)
channels    width of the model (``d_model``), of a hidden state or in ``ops/``
streams     channels of all gates and the value together, inside a mixer
taps        lags of a convolution filter
frequencies bins of a real FFT
sequences   rows of a result, one per sequence
track       one signal of a `TrackData`
==========  ==================================================================
"""

from os import PathLike
from typing import Literal

StrPath = str | PathLike[str]

Strands = Literal["forward", "reverse", "both"]
"""Which strand a model reads: as given, its reverse complement, or both."""

OnError = Literal["raise", "flag", "skip"]
"""What bad input does: stop, keep its place with NaN and a reason, or leave."""
