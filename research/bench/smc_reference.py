"""The smartmoneyconcepts package, its functions called as its README shows."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from backend.domain.market.bars import Bars
from backend.errors import DeskError

REQUIREMENT = "smartmoneyconcepts>=0.0.27,<0.1"
"""MIT. As the extra `bench` of pyproject.toml has it."""

STRUCTURES = (
    "swings",
    "gaps",
    "breaks",
    "order_blocks",
    "liquidity",
    "previous_high_low",
)
"""What both have, in the order in which they need one another."""


def load_package() -> Any:
    """Return the package's functions; installs it into this environment if it is missing.

    Raises DeskError if it cannot be had.
    """
    # It thanks its users on standard output otherwise.
    os.environ.setdefault("SMC_CREDIT", "0")
    try:
        return importlib.import_module("smartmoneyconcepts").smc
    except ImportError:
        pass
    # It names numba as a dependency, but never imports it.
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", REQUIREMENT]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    importlib.invalidate_caches()
    try:
        return importlib.import_module("smartmoneyconcepts").smc
    except ImportError as missing:
        reason = (done.stderr.strip().splitlines() or [str(missing)])[-1]
        raise DeskError(
            "bench.package_missing",
            f"the package to compare with could not be installed: {reason}",
            f"install it yourself: {' '.join(command)}",
        ) from missing


Columns = dict[str, NDArray[np.float64]]


class Reference:
    """Runs the package's functions on one frame and keeps what they return."""

    def __init__(self, package: Any, bars: Bars, swing_bars: int) -> None:
        self._package = package
        self._swing_bars = swing_bars
        self._swings: Any = None
        self.found: dict[str, Columns] = {}
        self._frame = pd.DataFrame(
            {
                "open": bars.open,
                "high": bars.high,
                "low": bars.low,
                "close": bars.close,
                "volume": bars.volume,
            },
            index=pd.to_datetime(bars.opened_us, unit="us"),
        )

    def run(self, name: str) -> None:
        """Compute one structure; those that it needs were computed before."""
        package, frame = self._package, self._frame
        if name == "swings":
            self._swings = package.swing_highs_lows(frame, swing_length=self._swing_bars)
            self._keep(name, self._swings)
        elif name == "gaps":
            self._keep(name, package.fvg(frame))
        elif name == "breaks":
            self._keep(name, package.bos_choch(frame, self._swings))
        elif name == "order_blocks":
            self._keep(name, package.ob(frame, self._swings))
        elif name == "liquidity":
            self._keep(name, package.liquidity(frame, self._swings))
        else:
            self._keep(name, package.previous_high_low(frame, time_frame="1D"))
            self._keep("previous_week", package.previous_high_low(frame, time_frame="1W"))

    def _keep(self, name: str, found: Any) -> None:
        self.found[name] = {
            column: found[column].to_numpy(dtype=np.float64) for column in found.columns
        }
