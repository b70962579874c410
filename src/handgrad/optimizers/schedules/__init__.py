r"""Learning-rate schedules: how the learning rate changes from epoch to epoch.

A schedule is made of its options alone. `Schedule.start` sets the learning rate of the first
epoch, and `Schedule.step`, called once after each epoch, that of the next. Epochs are counted from
0 in the formulas, :math:`e = 0, 1, \dots`, and :math:`\eta_0` is the learning rate that the
optimizer was made with.
"""

from handgrad.optimizers.schedules.constant import Constant
from handgrad.optimizers.schedules.cosine import Cosine
from handgrad.optimizers.schedules.exponential import Exponential
from handgrad.optimizers.schedules.reduce_on_plateau import ReduceOnPlateau
from handgrad.optimizers.schedules.schedule import Schedule
from handgrad.optimizers.schedules.step import Step

__all__ = ["Constant", "Cosine", "Exponential", "ReduceOnPlateau", "Schedule", "Step"]
