"""One session for all frameworks in a pipeline: each bridge has its framework use the pipeline's.

``flask``, ``django`` and ``pyramid`` need their framework; ``beaker`` needs nothing.
"""
