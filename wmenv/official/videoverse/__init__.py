"""VideoVerse (arXiv 2510.08398): files of github.com/Zeqing-Wang/VideoVerse at commit 33b3047."""
