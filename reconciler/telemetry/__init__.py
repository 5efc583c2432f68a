"""Where events go: one small adapter per sink over the same frozen events.

An adapter never decides, never raises into the pass that it reports on, and never sees a secret's value.
"""
