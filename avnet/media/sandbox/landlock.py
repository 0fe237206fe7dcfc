"""Landlock: this process can open no file, whatever its user may open; nor bind, connect or signal others.

Reference: the kernel's Documentation/userspace-api/landlock.rst and include/uapi/linux/landlock.h.
"""

import ctypes
import os

from avnet.media.sandbox.system_calls import machine, system_call

# The same on every processor that has them.
CREATE_RULESET, RESTRICT_SELF = 444, 446
ASK_VERSION = 1
# How many rights over files each version of the interface knows, the first in bit 0.
FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
# TCP: bind and connect. What processes outside may be reached by: abstract sockets and signals.
NET_VERSION, NET_RIGHTS = 4, 0b11
SCOPE_VERSION, SCOPES = 6, 0b11


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


def version() -> int:
    """Of the interface that this kernel offers; 0 where it offers none."""
    if not machine():
        return 0
    try:
        return system_call(CREATE_RULESET, None, 0, ASK_VERSION)
    except OSError:
        return 0


def deny_files() -> None:
    """Takes every right that Landlock knows from this thread and those that it will start; there is no way back.

    Wants "no new privileges" to be set.

    Raises:
        OSError: the kernel refused.
    """
    now = version()
    rights = (1 << FILE_RIGHTS[min(now, max(FILE_RIGHTS))]) - 1
    rules = _Ruleset(rights, NET_RIGHTS * (now >= NET_VERSION), SCOPES * (now >= SCOPE_VERSION))
    # An older kernel takes a longer structure if what it does not know is zero.
    ruleset = system_call(CREATE_RULESET, rules, ctypes.sizeof(rules), 0)
    try:
        system_call(RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
