"""What a host of Odoo answers, asserted alike of the simulator and of real Odoo, 14 and 19.

The assertions are the measure, and real Odoo sets it: where the two differ the simulator is wrong. Nothing here imports
the project's client or the simulator's insides, since a mistake shared by both sides of a comparison cannot be seen.
"""
