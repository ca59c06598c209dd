"""The loop: instructions -> model -> tools -> model -> report.

``loop.perform`` carries out a run within its ``budget``, by a model and tools of which each use is
a step of its ``journal``, to its ``report``. Nothing here knows how a run is made durable.
"""
