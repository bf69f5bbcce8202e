"""Float64 from the weights to the loss; needs the extra ``train``."""

from typing import Any

from lightning_fabric.plugins.precision import DoublePrecision


class WholeDoublePrecision(DoublePrecision):
    """Fabric's own hands a model's answer back as float32, and with it the loss."""

    def convert_output(self, data: Any) -> Any:  # noqa: ANN401, whatever a model gives
        """Leave the answer in float64."""
        return data
