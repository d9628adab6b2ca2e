"""Ask PyPI whether anything installed here has a known hole; says so where PyPI gives no answer.

python scripts/audit.py
"""

from __future__ import annotations

import json
import subprocess
import sys


def main() -> None:
    """Print what was found; fails where there is a hole."""
    command = [sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off"]
    done = subprocess.run(command, capture_output=True, text=True)
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        brief = (done.stderr.strip().splitlines() or ["no answer"])[-1]
        print(f"audit skipped: {brief[:200]}")
        return
    asked = [one for one in packages if "vulns" in one]
    if not asked:
        print(f"audit skipped: PyPI says nothing of {len(packages)} packages")
        return
    holes = [one for one in asked if one["vulns"]]
    for one in holes:
        names = ", ".join(hole["id"] for hole in one["vulns"])
        print(f"{one['name']} {one['version']}: {names}")
    unknown = len(packages) - len(asked)
    print(f"audit: {len(asked)} packages asked for, {len(holes)} with holes, {unknown} skipped")
    if holes:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
