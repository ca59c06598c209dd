"""Run commands apart: from the host, from other runs and, unless it is allowed, from the network.

A backend opens a sandbox; ``helper`` is the program inside it, ``session`` talks to it.
"""
