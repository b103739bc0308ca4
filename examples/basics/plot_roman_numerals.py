"""
Encoded sequences: reading Roman numerals
=========================================

A Roman numeral is a sequence of letters of any length. `SequenceTransformer` encodes the letters,
and the network learns what they mean from examples, including that I before V is subtracted.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from skrnn import RNNRegressor
from skrnn.preprocessing import SequenceTransformer

VALUES = {"C": 100, "XC": 90, "L": 50, "XL": 40, "X": 10, "IX": 9, "V": 5, "IV": 4, "I": 1}
VALUES = {"CM": 900, "D": 500, "CD": 400} | VALUES


def numeral(number):
    """Return the Roman numeral of a number below 1000, as a list of letters."""
    letters = ""
    for symbol, value in VALUES.items():
        count, number = divmod(number, value)
        letters += count * symbol
    return list(letters)


numbers = np.arange(1, 1000)
numerals = [numeral(number) for number in numbers]
X_train, X_test, y_train, y_test = train_test_split(numerals, numbers, test_size=0.5, random_state=0)
X_train[:2], y_train[:2]

# %%
# `X` is a list of lists of letters. The encoder turns each letter, a timestep, into seven features.

encoder = SequenceTransformer(OneHotEncoder(sparse_output=False))
network = RNNRegressor((8,), cell="gru", solver="least_squares", alpha=1e-4, max_iter=100, random_state=0)
model = make_pipeline(encoder, network).fit(X_train, y_train)
predictions = model.predict(X_test)
read = np.mean(np.round(predictions) == y_test)
print(f"{read:.0%} of {len(y_test)} test numerals are read correctly")

# %%
# A stream reads a numeral letter by letter: after each letter it predicts the number as if the numeral
# ended there.

figure, axes = plt.subplots()
for number in (949, 494, 166):
    letters = numeral(number)
    stream = network.stream()
    readings = [stream.predict(letter)[0] for letter in model[0].transform([letters])[0]]
    axes.plot(range(1, len(letters) + 1), readings, marker="o", label="".join(letters))
    print("".join(letters), np.round(readings).astype(int))
axes.set(xlabel="letters read", ylabel="number")
axes.legend()
plt.show()
