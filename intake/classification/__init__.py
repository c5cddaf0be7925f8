"""What a message is about: features, the model and its training, and the decision with reasons."""

from intake.classification.classifier import AlsoKind, Classification, classify
from intake.classification.model import KindModel, ModelError, load_model, shipped_model

__all__ = [
    "AlsoKind",
    "Classification",
    "KindModel",
    "ModelError",
    "classify",
    "load_model",
    "shipped_model",
]
