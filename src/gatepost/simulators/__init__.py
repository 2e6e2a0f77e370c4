"""The other side of the adapters: provider accounts in memory, written from the providers' documentation and never
from the adapters, so that they can contradict them; and the virtual phone that reads and answers.

A simulator is one module of this package with a `simulator`; discovery finds it. See docs/simulators.md.
"""
