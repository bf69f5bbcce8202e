"""Other people's models behind one small protocol, for every verb that takes them.

`OneHotModel` for networks on one-hot DNA, `HuggingFaceModel` for language models of
transformers, `FunctionModel` for anything that can be called, `Ensemble` for several,
`HyenaModel` for our own beside them; `check_model` says whether one keeps its word.
"""

from typing import TYPE_CHECKING

from hyenascope._lazy import lazy_names

if TYPE_CHECKING:
    from hyenascope.models.wrappers.check_model import ModelReport, check_model
    from hyenascope.models.wrappers.ensemble import Ensemble
    from hyenascope.models.wrappers.function_model import FunctionModel
    from hyenascope.models.wrappers.hugging_face import HuggingFaceModel
    from hyenascope.models.wrappers.hyena_model import HyenaModel
    from hyenascope.models.wrappers.one_hot_model import OneHotModel
    from hyenascope.models.wrappers.protocol import WrappedModel

_HOMES = {
    "Ensemble": "models.wrappers.ensemble",
    "FunctionModel": "models.wrappers.function_model",
    "HuggingFaceModel": "models.wrappers.hugging_face",
    "HyenaModel": "models.wrappers.hyena_model",
    "ModelReport": "models.wrappers.check_model",
    "OneHotModel": "models.wrappers.one_hot_model",
    "WrappedModel": "models.wrappers.protocol",
    "check_model": "models.wrappers.check_model",
}

__all__ = [
    "Ensemble",
    "FunctionModel",
    "HuggingFaceModel",
    "HyenaModel",
    "ModelReport",
    "OneHotModel",
    "WrappedModel",
    "check_model",
]

__getattr__, __dir__ = lazy_names(__name__, _HOMES, globals())
