#!/usr/bin/python3
"""qp.py TALWEG_QP OUT [CASE ..]: quadratic programs of OSQP's benchmark classes (Stellato, Banjac, Goulart, Bemporad & Boyd 2020,
appendix A) and two linear ones, generated here from their definitions, solved by the methods of talweg (bench/qp.c) to accuracies 1e-3
and 1e-6, which are checked here from x and the multipliers alone; SciPy's HiGHS solves the linear ones. Writes the table OUT."""
import datetime
import json
import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before NumPy; the methods inherit it
import subprocess
import sys
import tempfile
import time

import numpy as np
import scipy
import scipy.optimize
import scipy.sparse as sp

INF = np.inf
ACCURACIES = (1e-3, 1e-6)


# ---------------------------------------------------------------- the programs: P, q, A, row limits, bounds, a rule for another q


def sparse_normal(r, rows, cols, density):
    return sp.random(rows, cols, density, format="csc", random_state=r, data_rvs=r.standard_normal)


def random_qp(r, n):
    m, root = 10 * n, sparse_normal(r, n, n, 0.15)
    p = root @ root.T + 1e-2 * sp.eye(n)
    return p, r.standard_normal(n), sparse_normal(r, m, n, 0.15), -r.random(m), r.random(m), None, None, "all"


def equality_qp(r, n):
    m, root = n // 2, sparse_normal(r, n, n, 0.15)
    p, b = root @ root.T + 1e-2 * sp.eye(n), r.standard_normal(m)
    return p, r.standard_normal(n), sparse_normal(r, m, n, 0.15), b, b, None, None, "all"


def portfolio(r, n):
    """min x'D x + y'y - mu'x  with  y = F'x, 1'x = 1, x >= 0;  k = n / 10 factors."""
    k = n // 10
    f = sparse_normal(r, n, k, 0.5)
    p = sp.block_diag([sp.diags(2 * r.random(n) * np.sqrt(k)), 2 * sp.eye(k)])
    a = sp.vstack([sp.hstack([sp.csc_matrix(np.ones((1, n))), sp.csc_matrix((1, k))]), sp.hstack([f.T, -sp.eye(k)])])
    b = np.concatenate([[1.0], np.zeros(k)])
    q = np.concatenate([-r.standard_normal(n), np.zeros(k)])
    return p, q, a, b, b, np.concatenate([np.zeros(n), np.full(k, -INF)]), np.full(n + k, INF), slice(0, n)


def lasso(r, n):
    """min y'y + lambda 1't  with  y = A x - b, -t <= x <= t;  variables x, y, t. Another q is another lambda."""
    m, v = 100 * n, r.standard_normal(n) / np.sqrt(n) * (r.random(n) < 0.5)
    data = sparse_normal(r, m, n, 0.15)
    b = data @ v + r.standard_normal(m)
    lam = np.abs(data.T @ b).max() / 5
    p = sp.block_diag([sp.csc_matrix((n, n)), 2 * sp.eye(m), sp.csc_matrix((n, n))])
    i, o = sp.eye(n), sp.csc_matrix((n, m))
    a = sp.vstack([sp.hstack([data, -sp.eye(m), sp.csc_matrix((m, n))]), sp.hstack([i, o, -i]), sp.hstack([i, o, i])])
    q = np.concatenate([np.zeros(n + m), np.full(n, lam)])
    low, high = np.concatenate([b, np.full(n, -INF), np.zeros(n)]), np.concatenate([b, np.zeros(n), np.full(n, INF)])
    return p, q, a, low, high, None, None, "scale"


def huber(r, n):
    """min u'u + 2 1'(s + t)  with  A x - u - s + t = b, s, t >= 0."""
    m, v = 100 * n, r.standard_normal(n) / np.sqrt(n)
    data = sparse_normal(r, m, n, 0.15)
    b = data @ v + np.where(r.random(m) < 0.95, r.standard_normal(m) / 4, 10 * r.random(m))
    p = sp.block_diag([sp.csc_matrix((n, n)), 2 * sp.eye(m), sp.csc_matrix((2 * m, 2 * m))])
    i = sp.eye(m)
    q = np.concatenate([np.zeros(n + m), np.full(2 * m, 2.0)])
    low = np.concatenate([np.full(n + m, -INF), np.zeros(2 * m)])
    return p, q, sp.hstack([data, -i, -i, i]), b, b, low, np.full(n + 3 * m, INF), "scale"


def svm(r, n):
    """min x'x + lambda 1't  with  t >= diag(b) A x + 1, t >= 0."""
    m = 10 * n
    b = np.where(np.arange(m) < m // 2, 1.0, -1.0)
    data = sp.vstack([sp.random(m // 2, n, 0.15, random_state=r, data_rvs=lambda k, s=s: s / n + r.standard_normal(k) / np.sqrt(n))
                      for s in (1, -1)])
    p = sp.block_diag([2 * sp.eye(n), sp.csc_matrix((m, m))])
    q = np.concatenate([np.zeros(n), np.ones(m)])
    a = sp.hstack([sp.diags(b) @ data, -sp.eye(m)])
    return p, q, a, np.full(m, -INF), np.full(m, -1.0), np.concatenate([np.full(n, -INF), np.zeros(m)]), np.full(n + m, INF), "scale"


def control(r, n):
    """Linear-quadratic control, n states, n / 2 inputs, 10 steps, box bounds; another q moves the target."""
    inputs, steps = n // 2, 10
    move = np.eye(n) + 0.1 * r.standard_normal((n, n))
    move /= max(1, np.abs(np.linalg.eigvals(move)).max())
    push, weight = r.standard_normal((n, inputs)), 10 * r.random(n) * (r.random(n) < 0.7)
    end = scipy.linalg.solve_discrete_are(move, push, np.diag(weight) + 1e-8 * np.eye(n), 0.1 * np.eye(inputs))
    limit, limit_u = 1 + r.random(n), 0.1 * r.random(inputs)
    p = sp.block_diag([sp.kron(sp.eye(steps), sp.diags(weight)), end, 0.1 * sp.eye(steps * inputs)])
    states = (steps + 1) * n
    left = -sp.eye(states) + sp.kron(sp.eye(steps + 1, k=-1), move)
    right = sp.kron(sp.vstack([sp.csc_matrix((1, steps)), sp.eye(steps)]), push)
    b = np.concatenate([-(r.random(n) - 0.5) * limit, np.zeros(steps * n)])
    high = np.concatenate([np.tile(limit, steps + 1), np.tile(limit_u, steps)])
    return p, np.zeros(high.size), sp.hstack([left, right]), b, b, -high, high, "all"


def least_deviations(r, n):
    """min 1't  with  -t <= A x - b <= t."""
    m = 10 * n
    data, i = sparse_normal(r, m, n, 0.15), sp.eye(m)
    b = data @ r.standard_normal(n) + r.standard_normal(m) * (r.random(m) < 0.3)
    a = sp.vstack([sp.hstack([data, -i]), sp.hstack([data, i])])
    q = np.concatenate([np.zeros(n), np.ones(m)])
    row_lower, row_upper = np.concatenate([np.full(m, -INF), b]), np.concatenate([b, np.full(m, INF)])
    return None, q, a, row_lower, row_upper, np.concatenate([np.full(n, -INF), np.zeros(m)]), np.full(n + m, INF), "scale"


def transport(r, n):
    """Transport of n / 2 supplies to n / 2 demands at random costs."""
    k = n // 2
    supply, demand, one = r.random(k) + 0.1, r.random(k) + 0.1, np.ones((1, k))
    a = sp.vstack([sp.kron(sp.eye(k), one), sp.kron(one, sp.eye(k))])
    b = np.concatenate([supply / supply.sum(), demand / demand.sum()])
    return None, r.random(k * k), a, b, b, np.zeros(k * k), np.full(k * k, INF), "all"


CASES = [("portfolio", portfolio, 500), ("portfolio", portfolio, 5000), ("lasso", lasso, 50), ("SVM", svm, 200), ("Huber", huber, 50),
         ("random QP", random_qp, 200), ("equality QP", equality_qp, 500), ("control", control, 20),
         ("LP, least deviations", least_deviations, 100), ("LP, transport", transport, 100)]


# ---------------------------------------------------------------- on disk, and the independent check


def other_q(r, q, rule, count=5):
    """q with 10 % noise where it is data, or times a factor near 1."""
    again = np.tile(q, (count, 1))
    if rule == "scale":
        return again * (1 + 0.1 * (r.random((count, 1)) - 0.5))
    where = slice(None) if rule == "all" else rule
    size = np.sqrt(np.mean(q[where] ** 2))
    again[:, where] += 0.1 * (size if size > 0 else 1) * r.standard_normal(again[:, where].shape)
    return again


def write(folder, case, again):
    p, q, a, row_lower, row_upper, lower, upper, _ = case
    for name, matrix in (("p", sp.tril(p, format="csc")), ("a", sp.csc_matrix(a))):
        matrix.sort_indices()
        for part, value in (("start", matrix.indptr.astype(np.int64)), ("row", matrix.indices.astype(np.int64)), ("value", matrix.data)):
            np.save(f"{folder}/{name}_{part}.npy", value)
    for name, value in (("q", q), ("row_lower", row_lower), ("row_upper", row_upper), ("lower", lower), ("upper", upper),
                        ("q_again", again)):
        np.save(f"{folder}/{name}.npy", np.ascontiguousarray(value, dtype=np.float64))


def support(low, high, y):
    """sum of high y+ + low y-; inf where a multiplier presses on no limit."""
    with np.errstate(invalid="ignore"):
        return np.where(y > 0, high * y, np.where(y < 0, low * y, 0.0)).sum()


def norm(v):
    return np.abs(v).max() if v.size else 0.0


def error(case, q, x, y):
    """The largest of violation, dual residual and duality gap, each over one plus the size of its terms. Reduced costs are the best
    for y."""
    p, _, a, row_lower, row_upper, lower, upper, _ = case
    px, ax, aty = p @ x, a @ x, a.T @ y
    y = np.where((y > 0) & (row_upper == INF) | (y < 0) & (row_lower == -INF), 0, y)
    g = px + q + aty
    z = np.where((g > 0) & (lower > -INF) | (g < 0) & (upper < INF), -g, 0)
    violation = max(norm(np.maximum(np.maximum(row_lower - ax, ax - row_upper), 0)), norm(np.maximum(np.maximum(lower - x, x - upper), 0)))
    gap = x @ px + q @ x + support(row_lower, row_upper, y) + support(lower, upper, z)
    return max(violation / (1 + max(norm(ax), norm(x))), norm(g + z) / (1 + max(norm(px), norm(q), norm(aty))),
               abs(gap) / (1 + max(abs(x @ px), abs(q @ x))))


def solve(program, folder, method, case, again, accuracy):
    """The loosest tolerance tried that meets the accuracy, first and again."""
    tol = accuracy
    for _ in range(4):
        spec = f"{method}:tol={tol:g}" + (",max_iter=20000" if method == "osqp" else "")
        text = subprocess.run([program, folder, spec], stdout=subprocess.PIPE, text=True, check=True).stdout
        found = json.loads(text)
        reached = error(case, case[1], np.load(f"{folder}/x.npy"), np.load(f"{folder}/y.npy"))
        last = error(case, again[-1], np.load(f"{folder}/x_again.npy"), np.load(f"{folder}/y_again.npy")) if len(again) else 0
        found.update(error=reached, error_again=last, tol=tol)
        if max(reached, last) <= accuracy:
            return found
        if found["outcome"] == "time limit":
            break
        tol /= 10
    found["failed"] = True
    return found


def highs(case):
    _, q, a, row_lower, row_upper, lower, upper, _ = case
    a, equal = sp.csc_matrix(a), row_lower == row_upper
    up, low = ~equal & (row_upper < INF), ~equal & (row_lower > -INF)
    a_ub, b_ub = sp.vstack([a[up], -a[low]]), np.concatenate([row_upper[up], -row_lower[low]])
    start = time.process_time()
    found = scipy.optimize.linprog(q, a_ub if b_ub.size else None, b_ub if b_ub.size else None, a[equal] if equal.any() else None,
                                   row_lower[equal] if equal.any() else None, np.column_stack([lower, upper]), method="highs")
    return time.process_time() - start, found.fun


def main():
    program, out, only = sys.argv[1], sys.argv[2], sys.argv[3:]
    rows = []
    for name, build, size in CASES:
        if only and name.split()[0] not in only and f"{name} {size}" not in only:
            continue
        r = np.random.RandomState(1)
        case = list(build(r, size))
        n = case[1].size
        case[0] = sp.csc_matrix((n, n)) if case[0] is None else sp.csc_matrix(case[0])
        case[2] = sp.csc_matrix(case[2])
        case[5], case[6] = (np.full(n, -INF), np.full(n, INF)) if case[5] is None else case[5:7]
        with tempfile.TemporaryDirectory(prefix="talweg-qp-") as folder:
            again = other_q(r, case[1], case[7])
            write(folder, case, again)
            ours = [solve(program, folder, "osqp", case, again, accuracy) for accuracy in ACCURACIES]
            np.save(f"{folder}/q_again.npy", np.zeros((0, n)))
            peer = []
            for accuracy in ACCURACIES:
                late = peer and peer[-1]["outcome"] == "time limit"
                peer.append(peer[-1] if late else solve(program, folder, "ipopt", case, [], accuracy))
        linear = highs(case) if case[0].nnz == 0 else (None, None)
        entries = sp.tril(case[0]).nnz + case[2].nnz
        for accuracy, o, p in zip(ACCURACIES, ours, peer):
            bad = "failed" in o
            stopped = p["outcome"] == "time limit"
            ratio = ("> " if stopped else "") + f"{p['seconds'] / o['seconds']:.2f}" if "failed" not in p or stopped else "-"
            cells = [f"{name} {size}", f"{n}", f"{case[2].shape[0]}", f"{entries}", f"{accuracy:.0e}", f"{o['iterations']}",
                     f"{o['error']:.1e}", f"{o['seconds']:.3g}" + (" (not reached)" if bad else ""), ratio,
                     f"{linear[0] / o['seconds']:.2f}" if linear[0] else "-",
                     f"{o['again_iterations']:g}", f"{o['again']:.3g}", f"{o['seconds'] / o['again']:.1f}"]
            rows.append("| " + " | ".join(cells) + " |")
            print(rows[-1], f"ipopt {p['seconds']:.3g} {p['error']:.1e} {p['outcome']}",
                  f"f {o['objective']:.8g} {p['objective']:.8g} {linear[1]}", o["outcome"], o["message"], flush=True)
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "unknown")
    ipopt = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", "coinor-libipopt-dev"], capture_output=True, text=True).stdout
    text = ["# Quadratic programs", "",
            f"{datetime.date.today()}, {model}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; Ipopt {ipopt} with MUMPS; "
            f"SciPy {scipy.__version__} (HiGHS). CPU seconds, one thread.", "",
            "The classes of OSQP's benchmark, generated from their definitions (`bench/qp.py`, seed 1), and two linear programs, by `osqp`",
            "with the options' defaults and max_iter 20000. Accuracy is the largest of violation, dual residual and duality gap, each",
            "relative to one plus the size of its terms, computed by NumPy from x and the multipliers; a method gets the loosest tolerance",
            "1e-3, 1e-4 .. (or 1e-6, ..) that reaches it. Seconds are those of one solve from cold: reading the arrays, scaling,",
            "factoring, iterating and polishing. *Ipopt* (same arrays, `ipopt`) and *HiGHS* are times over ours: above 1 ours is faster;",
            "Ipopt's accuracy is often far below what is asked; `>`: it was stopped after 100 s. *Again* is the median of five solves with",
            "another q (10 % noise, or lambda within 5 %) by `tw_solver_restart`: same factor, last x and y.", "",
            "| program | n | m | entries | accuracy | iterations | reached | s | Ipopt | HiGHS | iterations again | s again "
            "| first / again |",
            "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|", *rows]
    if not only:
        with open(out + ".new", "w") as file:
            file.write("\n".join(text) + "\n")
        os.replace(out + ".new", out)


main()
