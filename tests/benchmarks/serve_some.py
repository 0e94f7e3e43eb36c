"""What valgrind watches: ``python -m tests.benchmarks.serve_some PEER WORKLOAD N COOKIE``."""

import sys

from .peers import load
from .timing import serving
from .visitor import make_environ
from .workloads import ALL

name, wanted, requests, cookie = sys.argv[1:]
workload = next(each for each in ALL if each.name == wanted)
serving(workload.app(load(name)), make_environ(workload.path, cookie))(int(requests))
