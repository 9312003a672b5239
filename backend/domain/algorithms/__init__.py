"""How a large order is worked: what each algorithm plans in advance, and does next.

`choose` names the algorithm, `plan` states its schedule, `next_step` says what to do now from
the orders and the market as they are, `shortfall` compares what was planned with what became.
"""

from backend.domain.algorithms.choose import Chosen, SlicingPolicy, choose
from backend.domain.algorithms.model import (
    CHILDREN_MAX,
    Algorithm,
    Finished,
    Market,
    Parent,
    Plan,
    Progress,
    Resting,
    Schedule,
    Send,
    Slice,
    Step,
    Terms,
    Wait,
)
from backend.domain.algorithms.planning import make_plan
from backend.domain.algorithms.shortfall import Execution, Shortfall, measure_shortfall
from backend.domain.algorithms.volume_curve import VolumeCurve, expected_volume, learn_curves
from backend.domain.algorithms.working import next_step

__all__ = [
    "CHILDREN_MAX",
    "Algorithm",
    "Chosen",
    "Execution",
    "Finished",
    "Market",
    "Parent",
    "Plan",
    "Progress",
    "Resting",
    "Schedule",
    "Send",
    "Shortfall",
    "Slice",
    "SlicingPolicy",
    "Step",
    "Terms",
    "VolumeCurve",
    "Wait",
    "choose",
    "expected_volume",
    "learn_curves",
    "make_plan",
    "measure_shortfall",
    "next_step",
]
