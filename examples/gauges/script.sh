#!/bin/sh
# Reads a CSV with the columns gauge, date, level_m; writes monthly.csv and summary.json. Levels in metres.
python3 - <<'PYTHON'
import csv
import json
import os
import sys
from collections import defaultdict
from datetime import date
from pathlib import Path
from statistics import fmean, linear_regression

out = Path(os.environ["TMP_OUTPUT_DIR"])
levels = defaultdict(list)
with open(os.environ["INPUT_FILE_PATH"], newline="", encoding="utf-8") as file:
    for number, row in enumerate(csv.DictReader(file), start=2):
        try:
            levels[row["gauge"]].append((date.fromisoformat(row["date"]), float(row["level_m"])))
        except (KeyError, ValueError) as error:
            sys.exit(f"line {number} is not a reading (gauge, date, level_m): {error}")

summary = {}
with (out / "monthly.csv").open("w", newline="", encoding="utf-8") as file:
    table = csv.writer(file, lineterminator="\n")
    table.writerow(["gauge", "month", "days", "mean_m", "max_m"])
    for gauge, readings in sorted(levels.items()):
        months = defaultdict(list)
        for day, level in readings:
            months[f"{day:%Y-%m}"].append(level)
        for month, values in sorted(months.items()):
            table.writerow([gauge, month, len(values), f"{fmean(values):.3f}", f"{max(values):.3f}"])
        slope, _ = linear_regression([day.toordinal() for day, _ in readings], [level for _, level in readings])
        highest = max(readings, key=lambda reading: reading[1])
        summary[gauge] = {
            "days": len(readings),
            "highest_m": highest[1],
            "highest_on": f"{highest[0]}",
            "trend_m_per_year": round(slope * 365.25, 3),
        }
        print(f"{gauge}: {len(readings)} days, highest {highest[1]:.2f} m on {highest[0]}", flush=True)
(out / "summary.json").write_text(json.dumps(summary, indent=1))
PYTHON
