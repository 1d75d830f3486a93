"""Procedural scenes of seven domains: words, first frame, true clip, ground truth and answers from a seed.

`catalogue` lists the scenes; `scene` says what one is; the folders hold one file a scene. Bodies are MuJoCo's, the
liquid is ours (`liquid`), pictures are rays and numpy (`render`). Users of this package need to know none of them.
"""
