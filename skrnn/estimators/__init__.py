"""Estimators: the network behind scikit-learn's interface."""
