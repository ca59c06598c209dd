"""Background AI agents that make their rounds: on time, in bounds, on the record."""

__version__ = "0.1.0"
