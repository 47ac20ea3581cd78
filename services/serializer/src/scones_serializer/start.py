"""What Lambda imports: the handler, made while the garbage collector rests.

Imports make many objects and no garbage; to look for some again and again is a quarter of a cold
start and more (make bench-coldstart).
"""

from __future__ import annotations

import gc
from importlib import import_module

__all__ = ["handler"]

gc.disable()
handler = import_module("scones_serializer.handler").handler
gc.freeze()  # what is there now stays: later collections need not look at it
gc.enable()
