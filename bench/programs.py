#!/usr/bin/env python3
"""programs.py TALWEG FOLDER OUT: solves every .nl file of FOLDER by the default method and by Ipopt, fed by the same derivatives, and
writes the table OUT."""
import datetime
import json
import os
import subprocess
import sys

import programs_mps

FEASIBLE, STATIONARY, OBJECTIVE = 1e-8, 1e-6, 1e-6


def solve(talweg, path, method):
    """The best of three times, and the result."""
    best = None
    for _ in range(3):
        command = [talweg, "solve", path, "--json", "--quiet", "--time-limit", "30"] + (["--method", method] if method else [])
        run = subprocess.run(command, capture_output=True, text=True, timeout=120)
        result = json.loads(run.stdout)
        if result["status"] == "error":
            return result
        if best is None or result["seconds"] < best["seconds"]:
            best = result
    return best


def size(path):
    """Variables and constraints, from the second line of the header."""
    with open(path, "rb") as file:
        file.readline()
        return [int(word) for word in file.readline().split()[:2]]


def number(x):
    return "-" if x is None else "%.10g" % x


def small(x):
    return "-" if x is None else "%.1e" % x


def met(r):
    o = r.get("optimality", {})
    return r["status"] == "solved" and (o["feasibility"] or 0) <= FEASIBLE and (o["stationarity"] or 0) <= STATIONARY


def main():
    talweg, folder, out = sys.argv[1:4]
    files = sorted(name for name in os.listdir(folder) if name.endswith(".nl"))
    reached = no_worse = both = 0
    ratios, lines = [], []
    for name in files:
        path = os.path.join(folder, name)
        ours, theirs = solve(talweg, path, None), solve(talweg, path, "ipopt:relax=0")
        n, m = size(path)
        if ours["status"] == "error":
            lines.append("| %s | %d | %d | error: %s |" % (name[:-3], n, m, ours["message"]))
            continue
        ok, peer_ok = met(ours), theirs["status"] == "solved"
        fine = ok and (not peer_ok or ours["objective"] - theirs["objective"] <= OBJECTIVE * max(1, abs(theirs["objective"])))
        reached, no_worse, both = reached + ok, no_worse + fine, both + peer_ok
        ratio = ours["seconds"] / theirs["seconds"] if peer_ok and ok else None
        if ratio:
            ratios.append(ratio)
        o, p = ours["optimality"], theirs.get("optimality", {})
        lines.append("| %s | %d | %d | %s | %s | %d | %s | %s | %s | %s | %s | %s | %s | %s |" % (
            name[:-3], n, m, ours["method"], ours["status"], ours["iterations"], number(ours["objective"]), small(o["stationarity"]),
            small(o["feasibility"]), theirs["status"], theirs.get("iterations", "-"), number(theirs.get("objective")),
            small(p.get("feasibility")), "%.2f" % ratio if ratio else "-"))
    ratios.sort()
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "unknown")
    ipopt = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", "coinor-libipopt-dev"], capture_output=True, text=True).stdout
    text = ["# Nonlinear programs", "",
            f"{datetime.date.today()}, {model}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; Ipopt {ipopt} with MUMPS.", "",
            f"The {len(files)} models of `{folder}` from their given starts, by the default method and by Ipopt with the same derivatives",
            "and exact bounds (`bound_relax_factor` 0), each by `talweg solve` (`bench/programs.py`; best of three runs; times are those",
            "of the solve alone). The restarts of `ipm` and its exact bounds were chosen with these models in view, so others may fare",
            "worse.", "",
            f"- feasibility <= 1e-8 and stationarity <= 1e-6 reached by the default method: {reached} of {len(files)}",
            f"- and an objective no worse than Ipopt's (1e-6 relative, or where Ipopt finds no solution): {no_worse} of {len(files)}",
            f"- Ipopt reports a solution for {both}"]
    if ratios:
        text.append("- time ratio to Ipopt: median %.2f, largest %.2f" % (ratios[len(ratios) // 2], ratios[-1]))
    text += ["",
             "| problem | n | m | method | status | iterations | objective | stationarity | feasibility | Ipopt | iterations | objective "
             "| feasibility | time ratio |", "|---|--:|--:|---|---|--:|--:|--:|--:|---|--:|--:|--:|--:|", *lines]
    rest = programs_mps.section(out)
    with open(out + ".new", "w") as file:
        file.write("\n".join(text) + "\n" + ("\n" + rest if rest else ""))
    os.replace(out + ".new", out)
    print("\n".join(text[:12]))

main()
