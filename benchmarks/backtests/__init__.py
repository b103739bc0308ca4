"""Rolling-origin backtests on five series: networks compared with seasonal naive, ridge and boosted trees on lags."""
