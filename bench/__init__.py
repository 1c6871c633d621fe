"""What `make bench` measures, and how: every figure is made by driving the real product, or a stated rival, in one run.

Each module says in its docstring how its figure is obtained. `run.py` runs them all; each runs by itself as well, such
as `python -m bench.drain --workers 2`.
"""
