"""Forecasts of a series with intervals, and measures of how good they would have been."""

from skrnn.forecasting._backtest import backtest
from skrnn.forecasting._backtest_result import Backtest
from skrnn.forecasting._forecast import forecast
from skrnn.forecasting._intervals import ForecastInterval, forecast_interval
from skrnn.forecasting._supervised import Supervised, to_supervised

__all__ = ["Backtest", "ForecastInterval", "Supervised", "backtest", "forecast", "forecast_interval", "to_supervised"]
