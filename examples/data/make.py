#!/usr/bin/python3
"""The small arrays of examples/portfolio.tw and examples/equilibrium.tw, the same on every machine."""
import os
import numpy as np

here = os.path.dirname(os.path.abspath(__file__))
n, k = 8, 3
i, j = np.meshgrid(np.arange(n), np.arange(k), indexing="ij")
factor = np.sin(1.0 + 2.0 * i + 3.0 * j)  # loadings of k factors
np.save(os.path.join(here, "covariance.npy"), 0.1 * factor @ factor.T + 0.02 * np.diag(1 + 0.1 * np.arange(n)))
np.save(os.path.join(here, "mean.npy"), 0.1 + 0.05 * np.cos(np.arange(n)))
m = 6
a, b = np.meshgrid(np.arange(m), np.arange(m), indexing="ij")
np.save(os.path.join(here, "w.npy"), np.cos(1.0 + a * 1.3 + b * 0.7) / np.sqrt(m))
np.save(os.path.join(here, "t.npy"), 0.5 * np.sin(np.arange(m) + 1.0))
