"""`parlo bench`: speed and memory, with the machine's own limits measured in the same run.

`evals.commands` calls `run_bench`. A figure by itself says little on a machine that others use too, so the results
that count are ratios, counts and CPU time; every figure says how it was taken and how often.
"""

from evals.bench.running import run_bench

__all__ = ["run_bench"]
