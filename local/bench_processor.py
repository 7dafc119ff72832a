"""Who used the processor: on this machine all share its cores, while on AWS each function and instance has some of its own."""

import os
from pathlib import Path

from cloud import ROOT

SUPERVISOR = [b"up", b"--foreground", b"--root", str(ROOT).encode()]
TICK = os.sysconf("SC_CLK_TCK")
MARK = f"CUTOVER_LOCAL_ROOT={ROOT}".encode()
EMULATOR, HOST, FUNCTIONS, INSTANCES = "the emulator", "instance host, DNS, gateway", "functions and commands", "instances"


def used():
    """Seconds so far, by who: what runs, and what has ended and was waited for."""
    seconds = dict.fromkeys((EMULATOR, HOST, FUNCTIONS, INSTANCES), 0.0)
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            # What the supervisor starts has the mark; the supervisor itself says its folder.
            if SUPERVISOR != words[1:5] and MARK not in (process / "environ").read_bytes().split(b"\0"):
                continue
            stat = (process / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue  # it ended just now
        own, ended = (sum(map(int, stat[at : at + 2])) / TICK for at in (11, 13))
        who, children = kind(words)
        seconds[who] += own
        seconds[children] += ended
    return seconds


def kind(words):
    """Who a process is, and who its children are."""
    command = b" ".join(words)
    if words[1:5] == SUPERVISOR:
        return HOST, INSTANCES
    if b"launch.py" in command:
        return EMULATOR, FUNCTIONS
    return (FUNCTIONS, FUNCTIONS) if b"/bootstrap" in command else (INSTANCES, INSTANCES)


def since(before):
    now = used()
    return {f"processor: {who}, s": now[who] - before[who] for who in now}
