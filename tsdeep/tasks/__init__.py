"""What is predicted: the label and its end, the head of the model, its loss and its metrics."""

from tsdeep.tasks.base import Labels, Task, get_task, register_task, task_class, task_names
from tsdeep.tasks.direction import Direction
from tsdeep.tasks.movement import Movement
from tsdeep.tasks.volatility import Volatility

__all__ = [
    "Direction",
    "Labels",
    "Movement",
    "Task",
    "Volatility",
    "get_task",
    "register_task",
    "task_class",
    "task_names",
]
