"""The 2-D world of moving discs (PhyWorld, arXiv 2411.02385): one module a concept.

`world` holds the constants, `laws` the motion, `splits` what is drawn from where, `discs` the state that is
drawn, `draw` the picture, `measure` the way back from pixels to state, `faults` planted violations. Each of
`draw` and `measure` has a slow reference twin that its compiled kernel must equal.
"""
