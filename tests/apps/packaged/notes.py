#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The abrupt app as a package has it: its parts lie elsewhere, one by one, and must be of one version.

Beside it lie abrupt.py, VERSION and, if this version is no good, the word in broken.
"""

import os
import runpy
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PARTS = "/usr/lib/night-notes"


def read(path):
    with open(path, encoding="ascii") as file:
        return file.read().strip()


version = read(os.path.join(HERE, "VERSION"))
parts = {name: read(os.path.join(PARTS, name)) for name in sorted(os.listdir(PARTS))}
mixed = {name: found for name, found in parts.items() if found != version}
if mixed or not parts:
    print(f"half a tree: {HERE} is {version}, but {PARTS} has {mixed}", flush=True)
    sys.exit(4)
print(f"all of it is {version}", flush=True)
runpy.run_path(os.path.join(HERE, "abrupt.py"), run_name="__main__")
