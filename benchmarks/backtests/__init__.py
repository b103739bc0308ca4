"""Backtests on five series, with a rolling origin: networks beside seasonal naive, ridge and boosted trees on lags."""
