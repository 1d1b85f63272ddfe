# SPDX-License-Identifier: MIT
"""Which package is tested: the tree's, or DEB=FILE."""

import os
import subprocess
import sys

from host import REPO


def deb_file():
    if "DEB" in os.environ:
        return os.path.abspath(os.environ["DEB"])
    with open(os.path.join(REPO, "debian/changelog"), encoding="utf-8") as file:
        version = file.readline().split("(")[1].split(")")[0]
    arch = subprocess.check_output(["dpkg", "--print-architecture"], text=True).strip()
    path = f"{REPO}/build/app-bluegreen_{version}_{arch}.deb"
    if not os.path.exists(path):
        subprocess.run(["make", "-s", "-C", REPO, "deb"], check=True, stdout=sys.stderr)
    return path
