"""WorldReasonBench (arXiv 2605.10434): files of github.com/UniX-AI-Lab/WorldReasonBench at commit 4dbc6ab."""
