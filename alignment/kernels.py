"""Kernels: how one denoising step is taken, as a normal distribution around a mean.

A kernel sees the latent x, the clean estimate and two noise levels (x = signal * clean + noise * standard normal), so
that one formula serves flow matching, variance-preserving and variance-exploding models: multiplying a latent by a
constant multiplies both numbers of its level, and each formula is applied in the scaling of its source. With
eps = (x - signal * clean) / noise, s = noise / (signal + noise) and a time step ds < 0:

| kernel | standard deviation | density | keeps the marginals |
|---|---|---|---|
| `Ode` | 0 | no | yes |
| `FlowSde(eta)` | eta sqrt(s / (1 - s)) sqrt(-ds) | yes | yes |
| `DanceSde(eta)` | eta sqrt(-ds) | yes | yes |
| `Ddim(eta)`, `EulerAncestral(eta)` | eta noise' sqrt(1 - (signal noise' / (signal' noise))^2) | yes | yes |
| `Cps(eta)` | noise' sin(eta pi / 2) | surrogate | no |
| `StochasticSampling()` | noise' | yes | no |

"Keeps the marginals": with exact clean estimates and ever smaller steps, what comes out is distributed as the data.
The last two put back an amount of noise that does not shrink with the step, around a point estimate: their samples
come out too alike. `check_policy` refuses or warns.
"""

from __future__ import annotations

import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar, Protocol

from wmenv.core.errors import InvalidArgument, UnknownName
from wmenv.core.gaussian import noise_estimate, ode_step, policy_at
from wmenv.core.protocols import Policy
from wmenv.core.registry import parse_spec
from wmenv.core.trajectory import NoiseLevel


class Kernel(Policy, Protocol):
    """A policy that says what may be claimed of it.

    Attributes:
        is_density: Whether its steps have the log-density that its method trains on.
        keeps_marginals: Whether its samples tend to the data's distribution as steps get smaller.
    """

    @property
    def is_density(self) -> bool: ...  # noqa: D102 (described above)

    @property
    def keeps_marginals(self) -> bool: ...  # noqa: D102


class _Step(ABC):
    """What the kernels share: a name with its option, and a last step without noise."""

    kind: ClassVar[str]
    keeps_marginals: ClassVar[bool] = True

    @property
    def name(self) -> str:
        """Name in tables; `kernel_of` reads it back."""
        options = "".join(f",{word}={value:g}" for word, value in vars(self).items())
        return self.kind + options

    @property
    def is_density(self) -> bool:
        """Whether its steps have a density: they are noisy."""
        return bool(getattr(self, "eta", 1.0) > 0)

    def step(self, x: Any, clean: Any, now: NoiseLevel, after: NoiseLevel) -> tuple[Any, float]:
        """Mean and standard deviation of the next latent; see `wmenv.core.protocols.Policy`."""
        if not after.noise:
            return ode_step(x, clean, now, after), 0.0
        return self._noisy(x, clean, now, after)

    @abstractmethod
    def _noisy(self, x: Any, clean: Any, now: NoiseLevel, after: NoiseLevel) -> tuple[Any, float]:
        """The same of a step that does not end without noise."""


@dataclass(frozen=True)
class Ode(_Step):
    """The deterministic step of the probability-flow ODE; it has no density."""

    kind: ClassVar[str] = "ode"
    is_density: ClassVar[bool] = False

    def _noisy(self, x: Any, clean: Any, now: NoiseLevel, after: NoiseLevel) -> tuple[Any, float]:
        return ode_step(x, clean, now, after), 0.0


@dataclass(frozen=True)
class FlowSde(_Step):
    """Flow-GRPO's SDE (arXiv 2505.05470): diffusion g = eta sqrt(s / (1 - s)), large where there is much noise.

    At s = 1 the published code puts the next time into the denominator, and so does this.

    Attributes:
        eta: Amount of noise, positive.
    """

    eta: float = 0.7
    kind: ClassVar[str] = "flow-sde"

    def __post_init__(self) -> None:
        _positive(self.kind, self.eta)

    def _noisy(self, x: Any, clean: Any, now: NoiseLevel, after: NoiseLevel) -> tuple[Any, float]:
        s = flow_time(now)
        rest = 1.0 - (s if s < 1.0 else flow_time(after))
        return _sde_step(x, clean, now, after, self.eta * math.sqrt(s / rest))


@dataclass(frozen=True)
class DanceSde(_Step):
    """DanceGRPO's SDE (arXiv 2505.07818): diffusion g = eta, the same at all times.

    Attributes:
        eta: Amount of noise, positive.
    """

    eta: float = 0.3
    kind: ClassVar[str] = "dance-sde"

    def __post_init__(self) -> None:
        _positive(self.kind, self.eta)

    def _noisy(self, x: Any, clean: Any, now: NoiseLevel, after: NoiseLevel) -> tuple[Any, float]:
        return _sde_step(x, clean, now, after, self.eta)


@dataclass(frozen=True)
class Ddim(_Step):
    """DDIM with eta (arXiv 2010.02502, equation 16), the kernel of DDPO (arXiv 2305.13301).

    With a = signal^2 in the scaling where signal^2 + noise^2 = 1, the variance is
    eta^2 (1 - a') / (1 - a) (1 - a / a'). Free of scale that is the variance of an ancestral step (`EulerAncestral`):
    the two are one kernel under two names, up to the limit that the latter puts on eta.

    Attributes:
        eta: 0 is the ODE, 1 the ancestral sampler; at most 1.
    """

    eta: float = 1.0
    kind: ClassVar[str] = "ddim"

    def __post_init__(self) -> None:
        if not 0.0 <= self.eta <= 1.0:
            raise InvalidArgument(f"{self.kind}: eta must lie in 0 to 1, got {self.eta}")

    def _noisy(self, x: Any, clean: Any, now: NoiseLevel, after: NoiseLevel) -> tuple[Any, float]:
        c, c_after = math.hypot(*now), math.hypot(*after)
        a, a_after = (now.signal / c) ** 2, (after.signal / c_after) ** 2
        std = self.eta * math.sqrt((1.0 - a_after) / (1.0 - a) * (1.0 - a / a_after))
        return _mixed_anew(x, clean, now, after, std * c_after)


@dataclass(frozen=True)
class EulerAncestral(_Step):
    """The ancestral step of k-diffusion and of diffusers' `EulerAncestralDiscreteScheduler`.

    With sigma = noise / signal: sigma_up = min(sigma', eta sqrt(sigma'^2 (sigma^2 - sigma'^2) / sigma^2)) of noise is
    put back after a step down to sqrt(sigma'^2 - sigma_up^2).

    Attributes:
        eta: Amount of noise, positive; 1 is the ancestral sampler.
    """

    eta: float = 1.0
    kind: ClassVar[str] = "euler-ancestral"

    def __post_init__(self) -> None:
        _positive(self.kind, self.eta)

    def _noisy(self, x: Any, clean: Any, now: NoiseLevel, after: NoiseLevel) -> tuple[Any, float]:
        sigma = after.noise / after.signal
        shrunk = sigma * now.signal / now.noise  # sigma' / sigma, 0 when x is nothing but noise
        up = min(sigma, self.eta * sigma * math.sqrt(1.0 - shrunk**2))
        return _mixed_anew(x, clean, now, after, up * after.signal)


@dataclass(frozen=True)
class Cps(_Step):
    """Coefficients-preserving sampling (Flow-CPS, arXiv 2509.05952): std noise' sin(eta pi / 2). Flagged.

    Its method trains on -|x' - mean|^2, which lacks 1 / (2 std^2): no log-density, and no importance ratio.

    Attributes:
        eta: In 0 to 1, 0 excluded.
    """

    eta: float = 0.5
    kind: ClassVar[str] = "cps"
    is_density: ClassVar[bool] = False
    keeps_marginals: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not 0.0 < self.eta <= 1.0:
            raise InvalidArgument(f"{self.kind}: eta must lie in 0 to 1, 0 excluded, got {self.eta}")

    def _noisy(self, x: Any, clean: Any, now: NoiseLevel, after: NoiseLevel) -> tuple[Any, float]:
        return _mixed_anew(x, clean, now, after, after.noise * math.sin(self.eta * math.pi / 2.0))


@dataclass(frozen=True)
class StochasticSampling(_Step):
    """`stochastic_sampling=True` of diffusers' `FlowMatchEulerDiscreteScheduler`: all noise is drawn anew. Flagged."""

    kind: ClassVar[str] = "stochastic-sampling"
    keeps_marginals: ClassVar[bool] = False

    def _noisy(self, x: Any, clean: Any, now: NoiseLevel, after: NoiseLevel) -> tuple[Any, float]:
        return _mixed_anew(x, clean, now, after, after.noise)


@dataclass(frozen=True)
class Windowed:
    """A kernel in some steps, the generator's deterministic sampler in the others (MixGRPO, arXiv 2507.21802).

    Flow-SDE's noise at s = 1 does not shrink with the step; later noisy steps wash the error out, a window over the
    first steps alone keeps it (a spread of 0.52 instead of 0.50 on data N(2, 0.5^2)).

    Attributes:
        kernel: What takes the steps of the window.
        steps: Their indices from 0; the last step of a sampler is deterministic all the same.
    """

    kernel: Kernel
    steps: tuple[int, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", tuple(self.steps))
        if not self.steps or min(self.steps) < 0:
            raise InvalidArgument(f"a window needs indices of steps from 0, got {self.steps}")

    @property
    def name(self) -> str:
        """Name in tables; `kernel_of` reads it back."""
        return f"{self.kernel.name},window={'+'.join(map(str, self.steps))}"

    @property
    def is_density(self) -> bool:
        """As of the kernel."""
        return self.kernel.is_density

    @property
    def keeps_marginals(self) -> bool:
        """As of the kernel."""
        return self.kernel.keeps_marginals

    def at(self, step: int, steps: int) -> Kernel | None:
        """The kernel within the window, None outside; see `wmenv.core.gaussian.policy_at`."""
        return self.kernel if step in self.steps else None

    def step(self, x: Any, clean: Any, now: NoiseLevel, after: NoiseLevel) -> tuple[Any, float]:
        """Refuse: which step it is cannot be seen from here.

        Raises:
            InvalidArgument: Always; a generator asks `policy_at` first.
        """
        raise InvalidArgument("a windowed policy must be asked by step: use wmenv.core.gaussian.policy_at")


KERNELS: dict[str, type[_Step]] = {
    kernel.kind: kernel for kernel in (Ode, FlowSde, DanceSde, Ddim, EulerAncestral, Cps, StochasticSampling)
}
"""Name -> class."""


def kernel_of(spec: str) -> Kernel | Windowed:
    """The kernel that a specification names.

    Args:
        spec: A name of `KERNELS`, options, and the steps that are noisy if not all: `flow-sde`, `dance-sde,eta=0.3`,
            `ddim,eta=1,window=0+1+2`.

    Raises:
        UnknownName: No such kernel.
        InvalidArgument: An option that it does not take, or one out of range.

    Examples:
        >>> kernel_of("flow-sde,eta=0.5")
        FlowSde(eta=0.5)
    """
    name, target, options = parse_spec(spec)
    if name not in KERNELS:
        raise UnknownName(f"no kernel named {name!r}; known: {', '.join(KERNELS)}")
    window = options.pop("window", None)
    try:
        if target is not None:
            raise TypeError(f"it takes no {target!r}")
        kernel: Any = KERNELS[name](**options)
    except TypeError as error:
        raise InvalidArgument(f"kernel {spec!r}: {error}") from error
    if window is None:
        return kernel  # type: ignore[no-any-return]
    try:
        steps = tuple(int(k) for k in str(window).split("+"))
    except ValueError as error:
        raise InvalidArgument(f"kernel {spec!r}: window must read like 0+1+2, got {window!r}") from error
    return Windowed(kernel, steps)


def check_policy(kernel: Policy) -> None:
    """Refuse a policy that a policy gradient cannot be computed from; warn of one that changes what is sampled.

    Args:
        kernel: The policy; one that declares nothing is believed.

    Raises:
        InvalidArgument: Its steps have no density.
    """
    keeps = getattr(kernel, "keeps_marginals", True)
    alike = "its samples come out more alike than the data however small the steps are"
    if not getattr(kernel, "is_density", True):
        why = "" if keeps else f", and {alike}"
        what = "deterministic" if keeps else "trained on a surrogate that is no log-density"
        raise InvalidArgument(
            f"{kernel.name} is {what}{why}: no importance ratio exists; use {FlowSde().name}, {DanceSde().name} or "
            f"{Ddim().name}"
        )
    if not keeps:
        warnings.warn(f"{kernel.name} does not keep the marginals: {alike}", stacklevel=2)


def flow_time(level: NoiseLevel) -> float:
    """The time s of flow matching at which a latent holds the same ratio of clip and noise; in [0, 1]."""
    return level.noise / (level.signal + level.noise)


def gaussian_moments(
    kernel: Policy | None, levels: Sequence[NoiseLevel], mean: float, std: float
) -> tuple[float, float]:
    """Mean and standard deviation of what a sampler makes of noise when the data are normal; no sampling involved.

    The exact clean estimate of data N(mean, std^2) is affine in x, so that each step maps a normal law to a normal
    law. It is the test of whether a kernel keeps the marginals.

    Args:
        kernel: The policy; None is deterministic.
        levels: Noise levels, the last without noise.
        mean: Of the data.
        std: Of the data.

    Returns:
        Mean and standard deviation of the samples.
    """
    first = levels[0]
    m, v = first.signal * mean, (first.signal * std) ** 2 + first.noise**2
    count = len(levels) - 1
    for k, (now, after) in enumerate(pairwise(levels)):
        gain = now.signal * std**2 / ((now.signal * std) ** 2 + now.noise**2)
        policy = policy_at(kernel, k, count) or Ode()

        def image(x: float, gain: float = gain, now: NoiseLevel = now, after: NoiseLevel = after) -> float:
            clean = mean + gain * (x - now.signal * mean)
            return float(policy.step(x, clean, now, after)[0])  # noqa: B023 (called within this turn of the loop)

        noise = policy.step(m, mean, now, after)[1]
        slope = image(m + 1.0) - image(m)
        m, v = image(m), slope**2 * v + noise**2
    return m, math.sqrt(v)


def _sde_step(x: Any, clean: Any, now: NoiseLevel, after: NoiseLevel, g: float) -> tuple[Any, float]:
    """Euler-Maruyama of dx = [v + g^2 / (2 s) eps] ds + g dw in the scaling signal + noise = 1; v = eps - clean."""
    s, ds = flow_time(now), flow_time(after) - flow_time(now)
    eps = noise_estimate(x, clean, now)
    mean = x / (now.signal + now.noise) + ds * (eps - clean) + ds * g**2 / (2.0 * s) * eps
    scale = after.signal + after.noise
    return scale * mean, scale * g * math.sqrt(-ds)


def _mixed_anew(x: Any, clean: Any, now: NoiseLevel, after: NoiseLevel, std: float) -> tuple[Any, float]:
    """The clean estimate with noise of the next level, std of it drawn anew and the rest as estimated."""
    kept = math.sqrt(max(after.noise**2 - std**2, 0.0))
    return after.signal * clean + kept * noise_estimate(x, clean, now), std


def _positive(kind: str, eta: float) -> None:
    if not eta > 0:
        raise InvalidArgument(f"{kind}: eta must be positive, got {eta}; use ode for steps without noise")
