"""WorldModelBench (arXiv 2502.20694): files of github.com/WorldModelBench-Team/WorldModelBench at commit 00b7aa1."""
