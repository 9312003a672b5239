"""What an order will slip by: expected and at worst, as quantiles that are kept calibrated."""

from backend.domain.slippage.fitting import LEVELS, ROWS_MIN, fit_slippage
from backend.domain.slippage.model import (
    FEATURES,
    Calibration,
    Forecast,
    SlippageModel,
    SlippageOrder,
    calibration_of,
    features_of,
    forecast,
    pinball_loss,
    predict,
    predict_mean,
    scale_of,
)

__all__ = [
    "FEATURES",
    "LEVELS",
    "ROWS_MIN",
    "Calibration",
    "Forecast",
    "SlippageModel",
    "SlippageOrder",
    "calibration_of",
    "features_of",
    "fit_slippage",
    "forecast",
    "pinball_loss",
    "predict",
    "predict_mean",
    "scale_of",
]
