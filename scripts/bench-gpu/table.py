#!/usr/bin/env python3
"""Prints the table of scripts/bench-gpu.sh: table.py TITLE PREFIX ROUNDS, where PREFIX.CONTENDER.ROUND hold the measurements."""
import json
import os
import statistics
import sys

title, prefix, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
print(title)
ours = None
for who in ("muonclip", "eager", "compiled"):
    files = [f"{prefix}.{who}.{i + 1}" for i in range(rounds)]
    runs = [json.load(open(f)) for f in files if os.path.exists(f)]
    if not runs:
        continue
    rate = statistics.median(r["tokens_per_second"]["median"] for r in runs)
    update = statistics.median(r["optimizer_seconds"]["median"] / r["step_seconds"]["median"] for r in runs)
    memory = max(r["gpu"]["memory_occupied"] if who == "muonclip" else r["memory_reserved"] for r in runs)
    if who == "muonclip":
        ours = rate
        more = f"{100 * runs[0]['peak_share']:.1f} % of the peak"
    else:
        more = f"muonclip does {ours / rate:.2f} times that" if ours else ""
        if not runs[0]["grouped_mm"] and "moe" in title:
            more += " (without grouped_mm)"
    print(f"  {who:9} {rate:10.0f} tokens/s   optimizer {100 * update:4.1f} %   memory {memory / 1e9:6.2f} GB   {more}")
