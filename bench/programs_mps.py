#!/usr/bin/env python3
"""programs_mps.py TALWEG FOLDER OUT: solves every continuous .mps file of FOLDER by the default method, by GLPK (glpsol) and by CBC, and
puts the table into OUT in place of the one there, which programs.py leaves as it is."""
import datetime
import json
import os
import re
import resource
import subprocess
import sys
import tempfile

HEAD = "## Linear and quadratic programs"


def section(path):
    """The table that is in the file, or nothing."""
    if not os.path.exists(path):
        return ""
    text = open(path).read()
    return text[text.index(HEAD):] if HEAD in text else ""


def used():
    """CPU seconds of all processes that have ended."""
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    return now.ru_utime + now.ru_stime


def run(command):
    start = used()
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=dict(os.environ, OMP_NUM_THREADS="1"))
    return done.stdout, used() - start


def talweg(binary, path):
    """The least time of three processes, and of their solves alone."""
    best, least, alone = None, float("inf"), float("inf")
    for _ in range(3):
        out, seconds = run([binary, "solve", path, "--json", "--quiet"])
        best, least = json.loads(out), min(least, seconds)
        alone = min(alone, best["seconds"])
    return best, least, alone


def glpk(path):
    """Whichever of the two formats reads it."""
    for form in ("--mps", "--freemps"):
        with tempfile.TemporaryDirectory() as folder:
            file = os.path.join(folder, "solution")
            runs = [run(["glpsol", form, path, "--nomip", "-w", file]) for _ in range(3)]
            least, out = min(seconds for _, seconds in runs), runs[0][0]
            written = open(file).read() if os.path.exists(file) else ""
        nothing = re.search("NO (PRIMAL|DUAL) FEASIBLE SOLUTION", out)
        found = re.search(r"^s bas \d+ \d+ f f (\S+)", written, re.M)
        if nothing:
            return nothing.group(0).lower(), None, least
        if found:
            return "optimal", float(found.group(1)), least
    return "-", None, None


def cbc(path):
    least = float("inf")
    for _ in range(3):
        out, seconds = run(["cbc", path, "-solve", "-quit"])
        least = min(least, seconds)
    found = re.findall(r"Optimal objective (\S+)", out)
    if found:
        return "optimal", float(found[-1]), least
    return ("infeasible or unbounded" if re.search("infeasible", out, re.I) else "-"), None, least


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
        ours, seconds, alone = talweg(binary, path)
        quadratic = is_quadratic(path)
        g = ("quadratic", None, None) if quadratic else glpk(path)
        c = ("quadratic", None, None) if quadratic else cbc(path)
        f = ours.get("objective")
        difference = abs(f - g[1]) / max(1, abs(g[1])) if g[1] is not None and ours["status"] == "solved" else None
        largest = max(largest, difference or 0)
        lines.append("| %s | %s | %s | %d | %s | %s | %s | %s | %s | %s | %s |" % (
            name[:-4], ours["method"], ours["status"], ours["iterations"], number(f) if ours["status"] == "solved" else "-",
            number(g[1]) if g[1] is not None else g[0], number(c[1]) if c[1] is not None else c[0],
            "-" if difference is None else "%.0e" % difference, "%.3f" % seconds, "%.4f" % alone,
            " / ".join("-" if peer[2] is None else "%.1f" % (seconds / peer[2]) for peer in (g, c))))
    query = ["dpkg-query", "-W", "-f", "${Package} ${Version}, ", "glpk-utils", "coinor-cbc"]
    versions = subprocess.run(query, capture_output=True, text=True)
    text = [HEAD, "",
            f"{datetime.date.today()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {versions.stdout.rstrip(', ')}.", "",
            f"The continuous `.mps` files of `{folder}` by the default method, GLPK's simplex (`glpsol`) and CBC (`bench/programs_mps.py`;",
            "best of three runs, CPU seconds of whole processes on one thread, loading libraries and reading included, and seconds of the",
            "solve alone). Quadratic ones are compared with `ipm` in `tests/model/test_mps_programs.c`.",
            "`gas11` has a feasible point and a ray along which its objective falls; `klein1` has no",
            f"feasible point; both are certified. Largest relative difference to GLPK: {largest:.0e}.", "",
            "| problem | method | status | iterations | objective | GLPK | CBC | difference | seconds | of the solve "
            "| time ratio to GLPK / CBC |",
            "|---|---|---|--:|--:|--:|--:|--:|--:|--:|--:|", *lines]
    head = open(out).read().split(HEAD)[0].rstrip("\n") if os.path.exists(out) else "# Nonlinear programs"
    with open(out + ".new", "w") as file:
        file.write(head + "\n\n" + "\n".join(text) + "\n")
    os.replace(out + ".new", out)
    print("\n".join(text))


if __name__ == "__main__":
    main()
