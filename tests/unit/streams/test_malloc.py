"""What is freed leaves the process, also from between things that stay."""

import subprocess
import sys

import pytest

from resonanz_streams.malloc import give_back_large_arrays

SCENE = """
import numpy, psutil
from resonanz_streams.malloc import give_back_large_arrays

give_back_large_arrays()
for _ in range(3):
    numpy.ones(400_000)  # glibc alone would from now on keep what is not larger
before = psutil.Process().memory_info().rss
large, small = [], []
for _ in range(30):
    large.append(numpy.ones(390_000))
    small.append(numpy.ones(1_000))
large.clear()
print((psutil.Process().memory_info().rss - before) // 2**20)
"""


def test_freed_arrays_between_small_ones_that_stay_are_given_back() -> None:
    """Thirty arrays of 3 MB."""
    if not give_back_large_arrays():
        pytest.skip("there is no glibc here")
    done = subprocess.run([sys.executable, "-c", SCENE], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 10
