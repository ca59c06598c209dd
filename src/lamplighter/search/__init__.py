"""The permission-filtered index: every read takes a ``Scope``."""
