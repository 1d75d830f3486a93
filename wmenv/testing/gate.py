"""`wmenv_regression`: an agent against its baseline."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from wmenv.runs.regression import Regression

UPDATED = "wmenv_baseline_written"
UPDATE = "pytest --wmenv-update-baseline"
_OWNERS = pytest.StashKey[dict[Path, str]]()
"""Which test of this session has which baseline."""


class Gate:
    """Call it in a test; the test fails where the agent has become worse than its baseline.

    The baseline is a file of text, `baselines/TEST_FILE/TEST.json` beside the test file (or below the folder that the
    ini option `wmenv_baselines` names), written by `pytest --wmenv-update-baseline` and kept under version control.
    """

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._request = request
        self._names: set[str] = set()

    def __call__(
        self,
        env: Any,
        agent: Any,
        *,
        name: str = "",
        splits: Sequence[str] | None = None,
        episodes: int = 50,
        samples: int = 1,
        seed: int = 0,
        alpha: float = 0.05,
        margin: float = 0.001,
        **options: Any,
    ) -> Regression | None:
        """Evaluate and compare.

        Args:
            env: As for `wmenv.evaluate`: an id, or an environment.
            agent: A specification or an agent.
            name: Tells several baselines of one test apart.
            splits: Splits to draw from.
            episodes: Cases a split, at least 8.
            samples: Answers a case.
            seed: Of cases and agent.
            alpha: Chance that a test fails though nothing has changed, over all its criteria and splits.
            margin: A drop of a mean score ([0, 1]) up to which is no news.
            **options: Further arguments of `wmenv.evaluate` (`workers`, `devices`, `batch`) and of the environment.

        Returns:
            The comparison, of an agent that has not become worse; None where the baseline was written.
        """
        __tracebackhide__ = True
        from wmenv.core.errors import WmenvError

        if name in self._names:
            pytest.fail(f"two baselines of one test are called {name!r}: give each a name=", pytrace=False)
        self._names.add(name)
        path = self._path(name)
        owners = self._request.config.stash.setdefault(_OWNERS, {})
        if owners.setdefault(path, self._request.node.nodeid) != self._request.node.nodeid:
            pytest.fail(f"{owners[path]} has the baseline {path}, too: give one of them another name=", pytrace=False)
        settings = {"splits": splits, "episodes": episodes, "samples": samples, "seed": seed, **options}
        refused, found = "", None
        try:
            found = self._compared(env, agent, path, settings, alpha, margin)
        except WmenvError as error:
            refused = str(error)
        if refused:
            pytest.fail(refused, pytrace=False)
        if found is not None and found.worse:
            pytest.fail(self._message(found, path), pytrace=False)
        return found

    def _compared(
        self, env: Any, agent: Any, path: Path, settings: dict[str, Any], alpha: float, margin: float
    ) -> Regression | None:
        import wmenv
        from wmenv.core.errors import InvalidArgument, RunFolderError
        from wmenv.runs.baseline import Baseline
        from wmenv.runs.regression import LEAST_CASES, check_cases, regression

        config, update = self._request.config, self._request.config.getoption("--wmenv-update-baseline")
        if not update and not path.is_file():
            raise RunFolderError(f"there is no baseline {path}; write it ({UPDATE}) and commit it")
        if settings["episodes"] < LEAST_CASES:
            told = f"an interval over {settings['episodes']} cases says nothing; take at least {LEAST_CASES} episodes"
            raise InvalidArgument(told)
        before = None if update else Baseline.read(path)
        run = self._run_folder(path)
        checked = False

        def check(tick: Any) -> None:
            """Refuse other settings after the first batch, not after the last."""
            nonlocal checked
            if before is not None and not checked:
                before.check(run, path)
            checked = True

        results = wmenv.evaluate(env, [agent], out=run, progress=check, **settings)
        if config.getoption("--wmenv-runs"):
            wmenv.write_report(run)
        if not update:
            return regression(path, run, alpha=alpha, margin=margin)
        made = Baseline.of(run)
        check_cases(made)
        made.write(path)
        self._request.node.user_properties.append((UPDATED, str(path)))
        assert results.complete
        return None

    def _path(self, name: str) -> Path:
        test = self._request.path
        folder = self._request.config.getini("wmenv_baselines")
        root = self._request.config.rootpath / folder if folder else test.parent / "baselines"
        words = "-".join(filter(None, [self._request.node.name, name]))
        safe = re.sub(r"[^A-Za-z0-9_.]+", "-", words).strip("-.")
        return root / test.stem / f"{safe}.json"

    def _run_folder(self, path: Path) -> Path:
        place = self._request.config.getoption("--wmenv-runs")
        if not place:
            folder: Path = self._request.getfixturevalue("tmp_path") / f"wmenv-{path.stem}"
            return folder
        from wmenv.runs.remove import remove_run

        folder = Path(place) / path.parent.name / path.stem
        remove_run(folder)
        return folder

    def _message(self, found: Regression, path: Path) -> str:
        kept = self._request.config.getoption("--wmenv-runs")
        where = f"; the runs are in {kept}" if kept else "; --wmenv-runs DIR keeps the runs with their reports"
        return (
            f"worse than the baseline {path}:\n{found.told()}\n"
            f"A drop counts where its whole interval lies below {-found.margin:g}{where}.\n"
            f"If it is meant: {UPDATE}"
        )
