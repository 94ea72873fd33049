"""From traffic to machines: a model of what pictures cost, and a simulation of which caches find them."""

from imgproxy_py.capacity.costs import COSTS, Cost, average
from imgproxy_py.capacity.lru import Lru
from imgproxy_py.capacity.model import Caching, Demand, Estimate, Flows, HitRatios, Replica, Work, estimate
from imgproxy_py.capacity.prices import Bill, Prices, bill
from imgproxy_py.capacity.simulation import Found, Scene, Simulated, TierSetup, simulate

__all__ = [
    "COSTS",
    "Bill",
    "Caching",
    "Cost",
    "Demand",
    "Estimate",
    "Flows",
    "Found",
    "HitRatios",
    "Lru",
    "Prices",
    "Replica",
    "Scene",
    "Simulated",
    "TierSetup",
    "Work",
    "average",
    "bill",
    "estimate",
    "simulate",
]
