#!/usr/bin/python3
"""Times the peers of `make bench` and prints one JSON object per line.

small       problem 71 of Hock and Schittkowski, objective and gradient, 1000 times
ridge       objective and gradient of sum((Xs @ w - yc)^2) + exp(loglam) sum(w^2) on the diabetes data
            (442 x 10, f64): PyTorch eager with autograd, PyTorch eager with the gradient written by hand
            (no tape), and NumPy with the gradient written by hand.
chain       sum(log1p(exp(-y x)) w) and its gradient in x, n = 10^7, f64 and f32: PyTorch eager with autograd.
mlp         a perceptron 784-512-10, batch 128, f32, softmax cross-entropy, forward and backward: PyTorch eager.
projections the simplex and a section of a box in 10^6 numbers: NumPy, by sorting and by bisection; the transport polytope in the
            Kullback-Leibler divergence: Sinkhorn's iteration in logarithms, in NumPy and in POT where it is installed,
            until no sum is missed by more than 1e-9.
rosenbrock  SciPy's L-BFGS-B (m = 10) on the extended Rosenbrock function, n = 10^6, vectorised in NumPy,
            until no entry of the gradient exceeds 1e-6.

On a busy machine compare `least`, not the medians; `load` is the load average at the end.

Run with Debian's /usr/bin/python3 (packages.txt). Seconds are wall time from a monotonic clock.
"""
import argparse
import csv
import ctypes
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time

import numpy as np

DIABETES = pathlib.Path(__file__).resolve().parent.parent / "examples" / "data" / "diabetes.csv"


def emit(**record):
    print(json.dumps(record), flush=True)


# ---------------------------------------------------------------- where and with what


def package_version(name):
    """The Debian version of a package, or None elsewhere."""
    try:
        shown = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", name], capture_output=True, text=True)
    except FileNotFoundError:
        return None
    return shown.stdout.strip() or None


def loaded_blas():
    """The files behind BLAS in this process."""
    with open("/proc/self/maps") as maps:
        paths = {line.split()[-1] for line in maps if "/" in line}
    return sorted({os.path.realpath(p) for p in paths if os.path.basename(p).startswith(("libblas", "libopenblas"))})


def set_threads(count):
    """PyTorch's own threads and those of its BLAS: torch.set_num_threads alone leaves OpenBLAS at all cores."""
    import torch

    torch.set_num_threads(count)
    for path in loaded_blas():
        limit = getattr(ctypes.CDLL(path), "openblas_set_num_threads", None)
        if limit is not None:
            limit(ctypes.c_int(count))


def cpu_model():
    with open("/proc/cpuinfo") as info:
        names = [line.split(":", 1)[1].strip() for line in info if line.startswith("model name")]
    return names[0] if names else platform.processor()


# ---------------------------------------------------------------- timing


def seconds_per_call(call, repeats, batch_seconds):
    """Median, least and greatest of `repeats` means over batches of about batch_seconds each."""
    start = time.perf_counter()
    calls = 0
    while time.perf_counter() - start < batch_seconds:  # also the warm-up
        call()
        calls += 1
    means = []
    for _ in range(repeats):
        start = time.perf_counter()
        for _ in range(calls):
            call()
        means.append((time.perf_counter() - start) / calls)
    return {
        "seconds_per_call": statistics.median(means),
        "least": min(means),
        "greatest": max(means),
        "calls_per_batch": calls,
        "batches": repeats,
    }


# ---------------------------------------------------------------- ridge


def ridge_data():
    """Xs, yc as in LANGUAGE.md, example 2: centred columns of length one, centred target."""
    with open(DIABETES, newline="") as file:
        rows = list(csv.reader(file))[1:]
    table = np.array(rows, dtype=np.float64)
    x, y = table[:, :-1], table[:, -1]
    x = x - x.mean(axis=0)
    return np.ascontiguousarray(x / np.linalg.norm(x, axis=0)), y - y.mean()


def ridge_calls(xs, yc, w0, loglam0):
    """name -> a call without arguments that returns (value, gradient)."""
    import torch

    x, y = torch.from_numpy(xs), torch.from_numpy(yc)
    loglam = torch.tensor(loglam0, dtype=torch.float64)
    leaf = torch.from_numpy(w0.copy()).requires_grad_(True)
    w = torch.from_numpy(w0.copy())
    xt = x.T

    def autograd():
        value = torch.sum((x @ leaf - y) ** 2) + torch.exp(loglam) * torch.sum(leaf**2)
        (gradient,) = torch.autograd.grad(value, leaf)
        return value, gradient

    def by_hand():
        with torch.no_grad():
            lam = torch.exp(loglam)
            r = torch.mv(x, w) - y
            return torch.dot(r, r) + lam * torch.dot(w, w), 2 * (torch.mv(xt, r) + lam * w)

    def numpy_by_hand():
        lam = np.exp(loglam0)
        r = xs @ w0 - yc
        return r @ r + lam * (w0 @ w0), 2 * (xs.T @ r + lam * w0)

    return {"pytorch autograd": autograd, "pytorch by hand": by_hand, "numpy by hand": numpy_by_hand}


def check_ridge(calls, xs, yc, w0, loglam0):
    """All variants agree with each other, and the gradient with central differences of the value."""
    results = {name: (float(value), np.asarray(gradient.detach() if hasattr(gradient, "detach") else gradient))
               for name, (value, gradient) in ((name, call()) for name, call in calls.items())}
    value, gradient = results["numpy by hand"]
    for name, (other_value, other_gradient) in results.items():
        assert abs(other_value - value) <= 1e-12 * abs(value), name
        assert np.allclose(other_gradient, gradient, rtol=1e-11, atol=0), name

    def f(w):
        r = xs @ w - yc
        return r @ r + np.exp(loglam0) * (w @ w)

    step = 1e-2
    for i, e in enumerate(np.eye(w0.size)):
        slope = (f(w0 + step * e) - f(w0 - step * e)) / (2 * step)  # exact for a quadratic, but for rounding
        assert abs(slope - gradient[i]) <= 1e-7 * np.linalg.norm(gradient), i
    return value, float(np.linalg.norm(gradient))


def bench_ridge(threads, repeats, batch_seconds):
    import torch

    xs, yc = ridge_data()
    w0, loglam0 = np.linspace(-300.0, 500.0, xs.shape[1]), 0.0
    calls = ridge_calls(xs, yc, w0, loglam0)
    value, norm = check_ridge(calls, xs, yc, w0, loglam0)
    for count in threads:
        set_threads(count)
        for name, call in calls.items():
            if name.startswith("numpy") and count != threads[0]:
                continue
            version = torch.__version__ if name.startswith("pytorch") else np.__version__
            emit(bench="ridge", peer=name, version=version, threads=count if name.startswith("pytorch") else None,
                 rows=xs.shape[0], columns=xs.shape[1], dtype="float64", objective=value, gradient_norm=norm,
                 **seconds_per_call(call, repeats, batch_seconds))


# ---------------------------------------------------------------- small


def bench_small(repeats, batch_seconds):
    """x0 x3 (x0 + x1 + x2) + x2 and its gradient; 1000 calls, as bench/small.c."""
    import torch

    set_threads(1)
    leaf = torch.tensor([1.0, 5.0, 5.0, 1.0], dtype=torch.float64, requires_grad=True)

    def call():
        a, b, c, d = leaf
        value = a * d * (a + b + c) + c
        (gradient,) = torch.autograd.grad(value, leaf)
        return value, gradient

    value, gradient = call()
    assert value.item() == 16 and gradient.tolist() == [12, 1, 2, 11]
    times = seconds_per_call(call, repeats, batch_seconds)
    for key in ("seconds_per_call", "least", "greatest"):
        times[key] *= 1000
    emit(bench="small", peer="pytorch autograd", version=torch.__version__, threads=1, calls=1000, **times)


# ---------------------------------------------------------------- chain, perceptron


def bench_torch(name, call, threads, repeats, batch_seconds):
    import torch

    for count in threads:
        set_threads(count)
        emit(bench=name, peer="pytorch autograd", version=torch.__version__, threads=count,
             **seconds_per_call(call, repeats, batch_seconds))


def bench_chain(threads):
    import torch

    for dtype, name in ((torch.float64, "chain f64"), (torch.float32, "chain f32")):
        generator = torch.Generator().manual_seed(1)
        x, y, w = (torch.rand(10_000_000, generator=generator, dtype=dtype) - 0.5 for _ in range(3))
        x.requires_grad_(True)

        def call():
            value = torch.sum(torch.log1p(torch.exp(-y * x)) * w)
            return value, torch.autograd.grad(value, x)

        bench_torch(name, call, threads, 5, 0.5)


def bench_mlp(threads):
    import torch

    generator = torch.Generator().manual_seed(1)
    x = 0.05 * torch.randn(128, 784, generator=generator)
    labels = torch.arange(128) % 10
    weights = [0.05 * torch.randn(*shape, generator=generator) for shape in ((784, 512), (512,), (512, 10), (10,))]
    for weight in weights:
        weight.requires_grad_(True)

    def call():
        w1, b1, w2, b2 = weights
        loss = torch.nn.functional.cross_entropy(torch.relu(x @ w1 + b1) @ w2 + b2, labels)
        return loss, torch.autograd.grad(loss, weights)

    bench_torch("mlp", call, threads, 9, 0.3)


# ---------------------------------------------------------------- projections


def wave(count):
    return np.sin(1.7 * np.arange(count, dtype=np.float64) ** 2)


def project_simplex(x, s):
    """By sorting (Held, Wolfe & Crowder, 1974)."""
    u = np.sort(x)[::-1]
    sums = np.cumsum(u) - s
    rho = np.count_nonzero(u * np.arange(1, x.size + 1) > sums)
    return np.maximum(x - sums[rho - 1] / rho, 0)


def project_section(x, low, high, w, c):
    """By 60 bisections."""
    left, right = np.min((x - high) / w), np.max((x - low) / w)
    for _ in range(60):
        tau = 0.5 * (left + right)
        if w @ np.clip(x - tau * w, low, high) > c:
            left = tau
        else:
            right = tau
    return np.clip(x - tau * w, low, high)


def sinkhorn(k, a, b, tolerance=1e-9):
    """exp(k) scaled to sums a and b, in logarithms."""
    from scipy.special import logsumexp

    f, g = np.zeros(a.size), np.zeros(b.size)
    for iteration in range(100000):
        f = np.log(a) - logsumexp(k + g[None, :], axis=1)
        g = np.log(b) - logsumexp(k + f[:, None], axis=0)
        if iteration % 10 == 9:
            plan = np.exp(k + f[:, None] + g[None, :])
            if np.max(np.abs(plan.sum(axis=1) - a)) <= tolerance:
                return plan, iteration + 1
    raise RuntimeError("no convergence")


def bench_projections():
    count = 1_000_000
    x, w = wave(count), 1 + 0.5 * np.cos(np.arange(count))
    for name, s in (("simplex, sum 1", 1.0), ("simplex, sum 1e5", 1e5)):
        assert abs(project_simplex(x, s).sum() - s) <= 1e-8 * s
        emit(bench=name, peer="numpy by sorting", version=np.__version__, threads=None,
             **seconds_per_call(lambda: project_simplex(x, s), 5, 0.2))
    p = project_section(x, -0.5, 0.5, w, 1000.0)
    assert abs(w @ p - 1000) <= 1e-6
    emit(bench="box section", peer="numpy by bisection", version=np.__version__, threads=None,
         **seconds_per_call(lambda: project_section(x, -0.5, 0.5, w, 1000.0), 3, 0.2))
    for m, gamma in ((100, 0.02), (100, 0.005), (400, 0.02)):
        name, k, share = f"kl transport {m}, gamma {gamma}", -np.abs(wave(m * m)).reshape(m, m) / gamma, np.full(m, 1 / m)
        iterations = sinkhorn(k, share, share)[1]
        emit(bench=name, peer=f"numpy Sinkhorn, {iterations} iterations", version=np.__version__, threads=None,
             **seconds_per_call(lambda: sinkhorn(k, share, share), 3, 0.2))
        try:
            import ot
        except ImportError:
            continue
        emit(bench=name, peer="POT sinkhorn_log", version=ot.__version__, threads=None,
             **seconds_per_call(lambda: ot.bregman.sinkhorn_log(share, share, -k, 1.0, numItermax=100000, stopThr=1e-9), 3, 0.2))


# ---------------------------------------------------------------- extended Rosenbrock


class Rosenbrock:
    """sum over pairs of 100 (x_2i - x_{2i-1}^2)^2 + (1 - x_{2i-1})^2, with its gradient, in whole-array operations whose
    scratch is kept."""

    def __init__(self, n):
        self.t, self.u, self.s = np.empty(n // 2), np.empty(n // 2), np.empty(n // 2)
        self.evaluations, self.seconds = 0, 0.0

    def __call__(self, x):
        start = time.perf_counter()
        odd, even, t, u, s = x[0::2], x[1::2], self.t, self.u, self.s
        gradient = np.empty_like(x)
        np.multiply(odd, odd, out=t)
        np.subtract(even, t, out=t)  # t = x_2i - x_{2i-1}^2
        np.subtract(1.0, odd, out=u)
        value = 100.0 * np.dot(t, t) + np.dot(u, u)
        np.multiply(t, 200.0, out=t)
        gradient[1::2] = t
        np.multiply(t, odd, out=s)
        np.add(s, u, out=s)
        np.multiply(s, -2.0, out=s)
        gradient[0::2] = s
        self.evaluations += 1
        self.seconds += time.perf_counter() - start
        return value, gradient


def check_rosenbrock():
    """Value and gradient against scipy.optimize.rosen on one pair."""
    from scipy.optimize import rosen, rosen_der

    for x in np.random.default_rng(1).normal(size=(20, 2)):
        value, gradient = Rosenbrock(2)(x)
        assert np.isclose(value, rosen(x), rtol=1e-13) and np.allclose(gradient, rosen_der(x), rtol=1e-12)


def bench_rosenbrock(n, repeats):
    import scipy
    from scipy.optimize import minimize

    check_rosenbrock()
    runs = []
    for _ in range(repeats):
        problem = Rosenbrock(n)
        x0 = np.tile([-1.2, 1.0], n // 2)
        start = time.perf_counter()
        # ftol 0 leaves the gradient test, max |g_i| <= gtol, as the only way to succeed.
        result = minimize(problem, x0, jac=True, method="L-BFGS-B",
                          options={"maxcor": 10, "gtol": 1e-6, "ftol": 0.0, "maxiter": 100000, "maxfun": 100000})
        runs.append((time.perf_counter() - start, problem, result))
    runs.sort(key=lambda run: run[0])
    seconds, problem, result = runs[len(runs) // 2]
    _, gradient = Rosenbrock(n)(result.x)
    emit(bench="rosenbrock", peer="scipy L-BFGS-B", version=scipy.__version__, numpy=np.__version__, n=n, memory=10,
         seconds=seconds, least=runs[0][0], greatest=runs[-1][0], runs=repeats, iterations=int(result.nit),
         evaluations=problem.evaluations, evaluation_seconds=problem.seconds, objective=float(result.fun),
         gradient_norm_inf=float(np.max(np.abs(gradient))), success=bool(result.success), message=str(result.message))
    return bool(result.success)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=["ridge", "small", "chain", "mlp", "projections", "rosenbrock"], help="one of the benches")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="thread counts for PyTorch")
    parser.add_argument("--repeats", type=int, default=15, help="batches per ridge variant")
    parser.add_argument("--batch-seconds", type=float, default=0.1, help="length of a batch")
    parser.add_argument("--runs", type=int, default=3, help="runs of L-BFGS-B")
    parser.add_argument("--n", type=int, default=1_000_000, help="variables of the Rosenbrock function, even")
    options = parser.parse_args()
    if options.n < 2 or options.n % 2 or min(options.threads + [options.repeats, options.runs]) < 1:
        parser.error("n must be even, counts positive")
    ok = True
    if options.only in (None, "ridge"):
        bench_ridge(options.threads, options.repeats, options.batch_seconds)
    if options.only in (None, "small"):
        bench_small(options.repeats, options.batch_seconds)
    if options.only in (None, "chain"):
        bench_chain(options.threads)
    if options.only in (None, "mlp"):
        bench_mlp(options.threads)
    if options.only in (None, "projections"):
        bench_projections()
    if options.only in (None, "rosenbrock"):
        ok = bench_rosenbrock(options.n, options.runs)
    emit(bench="environment", cpu=cpu_model(), cores=os.cpu_count(), load=os.getloadavg()[0],
         python=platform.python_version(), blas=loaded_blas(),
         packages={name: package_version(name) for name in ("python3-torch", "python3-scipy", "python3-numpy")})
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
