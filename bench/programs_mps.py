#!/usr/bin/env python3
"""programs_mps.py TALWEG FOLDER OUT: solves every continuous .mps file of FOLDER by the default method, by GLPK (glpsol) and by CBC, and
puts the table into OUT in place of the one there, which programs.py leaves as it is."""
import datetime
import json
import os
import re
import subprocess
import sys
import tempfile
import time

HEAD = "## Linear and quadratic programs"


def section(path):
    """The table that is in the file, or nothing."""
    if not os.path.exists(path):
        return ""
    text = open(path).read()
    return text[text.index(HEAD):] if HEAD in text else ""


def run(command):
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    return done.stdout, time.perf_counter() - start


def talweg(binary, path):
    """The best of three, with the time of the whole process."""
    best, least = None, float("inf")
    for _ in range(3):
        out, seconds = run([binary, "solve", path, "--json", "--quiet"])
        if seconds < least:
            best, least = json.loads(out), seconds
    return best, least


def glpk(path):
    with tempfile.NamedTemporaryFile() as file:
        least = float("inf")
        for _ in range(3):
            out, seconds = run(["glpsol", "--mps" if fixed(path) else "--freemps", path, "--nomip", "-w", file.name])
            least = min(least, seconds)
        written = open(file.name).read()
    found = re.search(r"^s bas \d+ \d+ (\S) (\S) (\S+)", written, re.M)
    if re.search("NO (PRIMAL|DUAL)", out):
        return re.search("NO (PRIMAL|DUAL) FEASIBLE SOLUTION", out).group(0).lower(), None, least
    return ("optimal", float(found.group(3)), least) if found and found.group(1) + found.group(2) == "ff" else ("-", None, least)


def cbc(path):
    least = float("inf")
    for _ in range(3):
        out, seconds = run(["cbc", path, "-solve", "-quit"])
        least = min(least, seconds)
    found = re.findall(r"Optimal objective (\S+)", out)
    if found:
        return "optimal", float(found[-1]), least
    return ("infeasible or unbounded" if re.search("infeasible", out, re.I) else "-"), None, least


def fixed(path):
    """Names with blanks, as fixed MPS allows, do not occur here; GLPK takes a negative right side of the objective in both."""
    return "OBJSENSE" not in open(path).read()


def is_continuous(path):
    return "'MARKER'" not in open(path).read()


def is_quadratic(path):
    return re.search("^(QUADOBJ|QMATRIX|QSECTION)", open(path).read(), re.M) is not None


def number(x):
    return "-" if x is None else "%.10g" % x


def main():
    binary, folder, out = sys.argv[1:4]
    lines, largest = [], 0
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if not name.endswith(".mps") or not is_continuous(path):
            continue
        ours, seconds = talweg(binary, path)
        quadratic = is_quadratic(path)
        g = ("quadratic", None, None) if quadratic else glpk(path)
        c = ("quadratic", None, None) if quadratic else cbc(path)
        f = ours.get("objective")
        difference = abs(f - g[1]) / max(1, abs(g[1])) if g[1] is not None and ours["status"] == "solved" else None
        largest = max(largest, difference or 0)
        lines.append("| %s | %s | %s | %d | %s | %s | %s | %s | %s | %s |" % (
            name[:-4], ours["method"], ours["status"], ours["iterations"], number(f) if ours["status"] == "solved" else "-",
            number(g[1]) if g[1] is not None else g[0], number(c[1]) if c[1] is not None else c[0],
            "-" if difference is None else "%.0e" % difference, "%.3f" % seconds,
            "-" if g[2] is None else "%.1f / %.1f" % (seconds / g[2], seconds / c[2])))
    versions = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${Version}, ", "glpk-utils", "coinor-cbc"], capture_output=True, text=True)
    text = [HEAD, "",
            f"{datetime.date.today()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {versions.stdout.rstrip(', ')}.", "",
            f"The continuous `.mps` files of `{folder}` by the default method, GLPK's simplex (`glpsol`) and CBC (`bench/programs_mps.py`; best of three "
            "runs, times of", "whole processes, reading included). Neither peer reads quadratic terms. `gas11` has a feasible point and a ray along "
            "which its objective falls; `klein1` has", f"none. Largest relative difference to GLPK: {largest:.0e}.", "",
            "| problem | method | status | iterations | objective | GLPK | CBC | difference | seconds | time ratio to GLPK / CBC |",
            "|---|---|---|--:|--:|--:|--:|--:|--:|--:|", *lines]
    head = open(out).read().split(HEAD)[0].rstrip("\n") if os.path.exists(out) else "# Nonlinear programs"
    with open(out + ".new", "w") as file:
        file.write(head + "\n\n" + "\n".join(text) + "\n")
    os.replace(out + ".new", out)
    print("\n".join(text))


if __name__ == "__main__":
    main()
