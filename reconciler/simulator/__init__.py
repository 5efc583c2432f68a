"""An Odoo host to practise on: the wire, the states and the failures of Odoo 14 and 19, without Odoo.

A program of its own that happens to live here. It imports nothing else of this project (a simulator that shared the
client's code would pass the client's bugs), and nothing but the `simulate` command and the tests imports it.
"""

from .errors import ConnectionDropped, ConnectionRefused
from .faults import FaultSpec
from .host import SimulatedHost
from .host_specs import Code, HostSpec
from .operations import STEPS
from .serve import CannotServe, serve
from .wire import HttpRequest, HttpResponse

__all__ = [
    "STEPS",
    "CannotServe",
    "Code",
    "ConnectionDropped",
    "ConnectionRefused",
    "FaultSpec",
    "HostSpec",
    "HttpRequest",
    "HttpResponse",
    "SimulatedHost",
    "serve",
]
