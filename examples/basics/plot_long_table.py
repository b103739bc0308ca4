"""
A long table: one row per country and year
==========================================

Many data sets are a single table in which each row is a timestep and one column identifies the sequence of the row.
`to_sequences` turns it into the list of sequences that estimators accept.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import KFold, cross_val_predict
from statsmodels.datasets import fertility

from skrnn import RNNRegressor
from skrnn.preprocessing import to_sequences

# %%
# The data are births per woman, from the World Bank via statsmodels. The rows of a country are the years from 1960 to
# 1990; the target, the births of 2011, is the same in all of its rows.

wide = fertility.load_pandas().data.rename(columns={"Country Name": "country"}).set_index("country")
wide = wide.loc[:, "1960":"2011"].dropna()
table = wide.loc[:, :"1990"].melt(ignore_index=False, var_name="year", value_name="births").reset_index()
table = table.assign(year=table["year"].astype(int), births_2011=table["country"].map(wide["2011"]))
table.sample(4, random_state=0)

# %%
# The order of the rows does not matter: sequences are sorted by the column `year`. They may differ in length, for
# example where the records of a country begin later.

table = table[(table["country"] != "India") | (table["year"] > 1975)]
sequences = to_sequences(table, group="country", time="year", features=["births"], target="births_2011")
sequences

# %%
# The result unpacks into `X, y` for any estimator that accepts sequences:

X, y = sequences
network = RNNRegressor((8,), solver="lbfgs", alpha=1.0, random_state=0)
predictions = cross_val_predict(network, X, y, cv=KFold(5, shuffle=True, random_state=0))
error = np.sqrt(np.mean((predictions - y) ** 2))
unchanged = np.sqrt(np.mean([(births[-1, 0] - target) ** 2 for births, target in zip(X, y, strict=True)]))
print(f"RMSE of the network {error:.1f}, of the births of 1990 as forecast {unchanged:.1f}")

# %%
# `groups` contains the names, in the order of the sequences:

figure, axes = plt.subplots(figsize=(4.8, 4.4))
axes.plot([1, 7.5], [1, 7.5], color="0.8")
axes.plot(y, predictions, ".")
for country in ("India", "Niger", "China", "Chad"):
    place = list(sequences.groups).index(country)
    axes.annotate(country, (y[place], predictions[place]), xytext=(4, 4), textcoords="offset points")
axes.set(xlabel="births per woman in 2011", ylabel="predicted from 1960 to 1990")
plt.show()
