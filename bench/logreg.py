#!/usr/bin/python3
"""Logistic regression beside scikit-learn: bench/logreg.py TALWEG_LOGREG OUT.md

scikit-learn's LogisticRegression (lbfgs, l2, with an intercept) on breast_cancer (standardised, C = 1) and on the first 10000 images of
Fashion-MNIST, pixels over 255, ten classes, C = 1/100; then Talweg's lbfgs on the same objective from the same start until its gradient
is as small as scikit-learn's at its result. Both in f64 and with the same number of threads. Seconds are medians from data in memory to
the result.
"""
import gzip
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import warnings

import numpy as np
import sklearn
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

FASHION = pathlib.Path("/usr/share/datasets/fashion-mnist")
ROWS, PENALTY = 10000, 100 # images; lambda, without which hundreds of iterations are needed


def breast_cancer():
    x, label = load_breast_cancer(return_X_y=True)
    return (x - x.mean(0)) / x.std(0), label.astype(float), 2, 1


def fashion():
    with gzip.open(FASHION / "train-images-idx3-ubyte.gz") as f:
        x = np.frombuffer(f.read(), np.uint8, offset=16).reshape(-1, 784)[:ROWS] / 255.0
    with gzip.open(FASHION / "train-labels-idx1-ubyte.gz") as f:
        label = np.frombuffer(f.read(), np.uint8, offset=8)[:ROWS].astype(float)
    return np.ascontiguousarray(x), label, 10, PENALTY


def objective(x, label, classes, l2, w, b):
    """sum of losses + l2 |W|^2 / 2 and the largest entry of its gradient."""
    if classes == 2:
        z = (x @ w[0] + b[0]) * (2 * label - 1)
        r = (label * 2 - 1) * -1 / (1 + np.exp(z))
        return np.logaddexp(0, -z).sum() + 0.5 * l2 * (w**2).sum(), max(np.abs(x.T @ r + l2 * w[0]).max(), abs(r.sum()))
    s = x @ w.T + b
    top = s.max(1)
    e = np.exp(s - top[:, None])
    own = label.astype(int)
    f = (np.log(e.sum(1)) + top - s[np.arange(len(own)), own]).sum() + 0.5 * l2 * (w**2).sum()
    r = e / e.sum(1)[:, None]
    r[np.arange(len(own)), own] -= 1
    return f, max(np.abs(r.T @ x + l2 * w).max(), np.abs(r.sum(0)).max())


def peer(x, label, classes, l2, tol, seconds):
    times, began = [], time.perf_counter()
    while not times or time.perf_counter() - began < seconds:
        model = LogisticRegression(C=1 / l2, tol=tol, max_iter=100000, solver="lbfgs")
        start = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(x, label)
        times.append(time.perf_counter() - start)
    return statistics.median(times), int(model.n_iter_[0]), *objective(x, label, classes, l2, model.coef_, model.intercept_)


def ours(program, folder, classes, l2, gradient, threads, seconds):
    numbers = [str(classes), str(l2), repr(gradient), str(threads), str(seconds)]
    out = subprocess.run([program, folder / "x.npy", folder / "label.npy", *numbers], stdout=subprocess.PIPE, text=True, check=True).stdout
    timed, found = [json.loads(line) for line in out.splitlines()]
    return timed["median"], found


def main(program, page):
    rows = []
    for name, make, seconds in (("breast_cancer, 569 x 30, 2 classes", breast_cancer, 1),
                                (f"Fashion-MNIST, {ROWS} x 784, 10 classes", fashion, 1)):
        if make is fashion and not FASHION.exists():
            continue
        x, label, classes, l2 = make()
        with tempfile.TemporaryDirectory(prefix="talweg-logreg-") as folder:
            folder = pathlib.Path(folder)
            np.save(folder / "x.npy", x)
            np.save(folder / "label.npy", label)
            for tol in (1e-4,) if classes == 2 else (1,):
                for threads in (1, 2):
                    with threadpool_limits(threads):
                        theirs, steps, f, g = peer(x, label, classes, l2, tol, seconds)
                    mine, found = ours(program, folder, classes, l2, g, threads, seconds)
                    rows.append((name, tol, threads, theirs, steps, f, g, mine, found))
                    print(*rows[-1], flush=True)
    text = ["# Logistic regression", "",
            f"scikit-learn {sklearn.__version__} and Talweg's `lbfgs`, f64, one machine, one after the other; both end with the same",
            "largest entry of the gradient. Written by `make bench` (bench/logreg.py says more).", "",
            "| data | tol | threads | scikit-learn s | iterations | Talweg s | iterations | gradient | f - f peer | ratio |",
            "|---|---|---|---|---|---|---|---|---|---|"]
    text += [f"| {n} | {tol:g} | {t} | {a:.3g} | {k} | {b:.3g} | {r['iterations']} | {g:.1e} | {r['f'] - f:.1e} | {a / b:.2f} |"
             for n, tol, t, a, k, f, g, b, r in rows]
    pathlib.Path(page).write_text("\n".join(text) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:3])
