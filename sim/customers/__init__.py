"""Simulated customers who carry a recorded conversation on after it has diverged: rule-based, seeded from it.

`goal` reads what somebody wants and how they write, `customer` answers what they are told, `faults` says where they
did not keep to it. The driver plays them; nothing here sends anything, and no model is asked.
"""

from sim.customers.customer import SimulatedCustomer
from sim.customers.faults import Exchange, find_fault
from sim.customers.goal import Goal, Style, Want, read_goal, read_style
from sim.customers.making import make_customer

__all__ = [
    "Exchange",
    "Goal",
    "SimulatedCustomer",
    "Style",
    "Want",
    "find_fault",
    "make_customer",
    "read_goal",
    "read_style",
]
