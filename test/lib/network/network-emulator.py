#!/usr/bin/env python3
"""A network between two namespaces that really loses, delays and stalls packets.

    ip netns add a; ip netns add b
    network-emulator.py a b --delay-ms 100 --loss 5 --seed 7 [--burst 3] [--stall-ms 400 --stall-every-ms 5000] ...

Two TUN devices, one moved into each namespace; every IP packet read from one is (perhaps) dropped, and written to the
other when its time has come. Up is from the first namespace to the second. Prints `ready`, serves until SIGTERM, then
prints its statistics as one line of JSON. For kernels without netem, and for hands that want to see what was lost.
Python's standard library only; needs root and /dev/net/tun.

Every direction has its own chance: with the same seed, the n-th packet of a direction meets the same fate in every run. Times are on CLOCK_MONOTONIC. Exit codes: 0 done, 2 wrong arguments, 3 the machine lacks something.
"""
import argparse
import fcntl
import heapq
import json
import os
import random
import select
import signal
import struct
import subprocess
import sys
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
READS_AT_ONCE = 64
LATE_BUCKET_S = 0.0001
LATE_BUCKETS = 10_000

# Settings that both directions share, and that `--up-…` and `--down-…` set for one.
PER_DIRECTION = {
    'delay-ms': (float, 0, 'delay of every packet'),
    'jitter-ms': (float, 0, 'uniform, this much more or less'),
    'loss': (float, 0, 'percent'),
    'burst': (float, 1, 'mean length of a loss burst, packets (Gilbert model)'),
    'trace': (str, None, 'file of additional delays in ms, one a line, one line a step; begins again at its end'),
    'stall-ms': (float, 0, 'nothing arrives for this long ...'),
    'stall-every-ms': (float, 5000, '... at the end of every period of this length'),
    'rate-kbit': (float, 0, 'bottleneck, kbit/s; 0 is none'),
    'queue-kb': (float, 64, 'what waits before the bottleneck, at most, KiB; what comes then is dropped'),
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('nsa', help="a namespace, or 'host'")
    parser.add_argument('nsb', help="another, or 'host'")
    for name, (kind, default, text) in PER_DIRECTION.items():
        parser.add_argument(f'--{name}', type=kind, default=default, help=text)
        for side in ('up', 'down'):
            parser.add_argument(f'--{side}-{name}', type=kind, help=argparse.SUPPRESS)
    parser.add_argument('--trace-step-ms', type=float, default=20)
    parser.add_argument('--reorder', action='store_true', help='let packets overtake one another')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--limit', type=int, default=20_000, help='packets in flight, at most')
    parser.add_argument('--stats', help='write the statistics to this file too')
    parser.add_argument('--with-parent', action='store_true', help='end when the process that started this is gone')
    parser.add_argument('--ip-a', default='10.77.0.1')
    parser.add_argument('--ip-b', default='10.77.0.2')
    parser.add_argument('--mtu', default='1500')
    chosen = parser.parse_args()
    if not 0 <= chosen.loss <= 100 or chosen.burst < 1:
        parser.error('--loss is 0 to 100 percent, --burst at least 1')
    if chosen.stall_ms >= chosen.stall_every_ms:
        parser.error('--stall-ms must be less than --stall-every-ms')
    return chosen


def fail(text):
    print(f'network-emulator: {text}', file=sys.stderr, flush=True)
    sys.exit(3)


def run(command, needed=True):
    done = subprocess.run(command.split(), stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0 and needed:
        fail(f'`{command}` failed: {done.stderr.strip()}')


def open_tun(name, namespace, own_ip, peer_ip, mtu):
    """A TUN device inside the namespace, up and routed; returns the descriptor that holds its packets."""
    try:
        device = os.open('/dev/net/tun', os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(device, TUNSETIFF, struct.pack('16sH22x', name.encode(), IFF_TUN | IFF_NO_PI))
    except OSError as error:
        fail(f'no TUN device: {error.strerror}; needed are root and /dev/net/tun (`modprobe tun`, or a container started with --device /dev/net/tun --cap-add NET_ADMIN)')
    inside = ''
    if namespace != 'host':
        run(f'ip link set {name} netns {namespace}')
        inside = f'-n {namespace} '
        run(f'ip {inside}link set lo up')
    run(f'ip {inside}link set {name} mtu {mtu} txqueuelen 1000')
    # The kernel's own IPv6 packets would be counted, and shift the fates of those that follow.
    run(f'ip {inside}link set {name} addrgenmode none', needed=False)
    run(f'ip {inside}addr add {own_ip} peer {peer_ip} dev {name}')
    run(f'ip {inside}link set {name} up')
    if namespace != 'host':
        run(f'ip {inside}route replace default dev {name}')
    return device


def read_trace(path):
    if path is None:
        return None
    try:
        with open(path, encoding='ascii') as file:
            delays = [float(word) / 1000 for word in file.read().split()]
    except (OSError, ValueError) as error:
        fail(f'--trace {path}: {error}')
    if not delays or min(delays) < 0:
        fail(f'--trace {path}: wanted are delays of 0 ms and more, one a line')
    return delays


class Lateness:
    """How far behind its time each packet was handed on: what this process, not the network it plays, added."""

    def __init__(self):
        self.counts = [0] * (LATE_BUCKETS + 1)
        self.total = 0
        self.most = 0.0

    def add(self, seconds):
        self.counts[min(LATE_BUCKETS, int(seconds / LATE_BUCKET_S))] += 1
        self.total += 1
        self.most = max(self.most, seconds)

    def percentile(self, share):
        seen = 0
        for bucket, count in enumerate(self.counts):
            seen += count
            if count and seen >= share * self.total:
                return round(min((bucket + 1) * LATE_BUCKET_S, self.most) * 1000, 2)
        return 0

    def summary(self):
        return {'p50': self.percentile(0.5), 'p99': self.percentile(0.99), 'max': round(self.most * 1000, 2)}


class Direction:
    """One way through the network: what becomes of a packet, and when."""

    def __init__(self, side, chosen, to_device, began):
        def setting(name):
            own = getattr(chosen, f'{side}_{name}')
            return getattr(chosen, name) if own is None else own

        self.to_device = to_device
        self.began = began
        self.fate = random.Random(f'{chosen.seed}/{side}/loss')
        self.wobble = random.Random(f'{chosen.seed}/{side}/jitter')
        self.delay, self.jitter = setting('delay_ms') / 1000, setting('jitter_ms') / 1000
        self.stall, self.stall_every = setting('stall_ms') / 1000, setting('stall_every_ms') / 1000
        self.trace, self.trace_step = read_trace(setting('trace')), chosen.trace_step_ms / 1000
        self.bytes_per_second, self.queue_bytes = setting('rate_kbit') * 125, setting('queue_kb') * 1024
        self.reorder = chosen.reorder
        # Gilbert: in the bad state everything is lost; left with probability 1/burst, entered so that the mean is `loss`.
        loss = setting('loss') / 100
        self.bursty = setting('burst') > 1
        self.leave = 1 / setting('burst')
        self.enter = 1.0 if loss >= 1 else (self.leave * loss / (1 - loss) if self.bursty else loss)
        self.bad = False
        self.line_free = self.latest = 0.0
        self.received = self.lost = self.sent = self.overflow = self.bytes = 0
        self.delay_sum = 0.0
        self.late = Lateness()

    def due(self, now, size):
        """When the packet arrives; None when it never does."""
        self.received += 1
        self.bytes += size
        if self.is_lost():
            self.lost += 1
            return None
        at = self.through_bottleneck(now, size)
        if at is None:
            self.overflow += 1
            return None
        at += self.delay + (self.wobble.uniform(-self.jitter, self.jitter) if self.jitter else 0)
        if self.trace:
            at += self.trace[int((now - self.began) / self.trace_step) % len(self.trace)]
        at = self.after_stall(at)
        if not self.reorder:
            at = self.latest = max(at, self.latest)
        self.delay_sum += max(0.0, at - now)
        return at

    def is_lost(self):
        draw = self.fate.random()
        if not self.bursty:
            return draw < self.enter
        self.bad = draw >= self.leave if self.bad else draw < self.enter
        return self.bad

    def through_bottleneck(self, now, size):
        if not self.bytes_per_second:
            return now
        waiting = max(0.0, self.line_free - now) * self.bytes_per_second
        if waiting + size > self.queue_bytes:
            return None
        self.line_free = max(now, self.line_free) + size / self.bytes_per_second
        return self.line_free

    def after_stall(self, at):
        if not self.stall:
            return at
        phase = (at - self.began) % self.stall_every
        return at + (self.stall_every - phase if phase >= self.stall_every - self.stall else 0)

    def deliver(self, packet, at, now):
        try:
            os.write(self.to_device, packet)
        except OSError:
            self.overflow += 1
            return
        self.sent += 1
        self.late.add(now - at)

    def summary(self):
        carried = max(1, self.received - self.lost - self.overflow)
        return {
            'rx': self.received, 'lost': self.lost, 'overflow': self.overflow, 'tx': self.sent, 'bytes': self.bytes,
            'lossPct': round(100 * self.lost / max(1, self.received), 2),
            'meanDelayMs': round(1000 * self.delay_sum / carried, 2), 'lateMs': self.late.summary(),
        }


class Stopped(Exception):
    pass


def stop(*_):
    raise Stopped


def keep_time():
    """Ahead of the programs whose network this is, where that is allowed; else it adds their delays to the network's."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(10))
        return 'real-time'
    except (OSError, AttributeError):
        pass
    try:
        os.setpriority(os.PRIO_PROCESS, 0, -20)
        return 'high'
    except OSError:
        return 'normal'


def serve(directions, limit, parent):
    """Forever; `directions` maps the descriptor packets come from to the direction they go. Ends with Stopped."""
    waiting, order = [], 0
    now_of = time.monotonic
    while True:
        # Of select, poll and epoll, only this one waits more finely than a millisecond.
        idle = 1.0 if parent else None
        wait = idle if not waiting else max(0.0, waiting[0][0] - now_of())
        for device in select.select(directions, (), (), wait)[0]:
            direction = directions[device]
            for packet in packets_of(device):
                at = direction.due(now_of(), len(packet))
                if at is None:
                    continue
                if len(waiting) >= limit:
                    direction.overflow += 1
                    continue
                order += 1
                heapq.heappush(waiting, (at, order, direction, packet))
        now = now_of()
        while waiting and waiting[0][0] <= now:
            at, _, direction, packet = heapq.heappop(waiting)
            direction.deliver(packet, at, now)
        if parent and os.getppid() != parent:
            raise Stopped


def packets_of(device):
    for _ in range(READS_AT_ONCE):
        try:
            yield os.read(device, 65536)
        except BlockingIOError:
            return
        except OSError as error:
            # Its namespace was deleted, and the device with it.
            raise Stopped from error


def main():
    chosen = arguments()
    parent = os.getppid() if chosen.with_parent else None
    number = os.getpid() % 10**10
    device_a = open_tun(f'emA{number}', chosen.nsa, chosen.ip_a, chosen.ip_b, chosen.mtu)
    device_b = open_tun(f'emB{number}', chosen.nsb, chosen.ip_b, chosen.ip_a, chosen.mtu)
    began = time.monotonic()
    up, down = Direction('up', chosen, device_b, began), Direction('down', chosen, device_a, began)
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        priority = keep_time()
        print('ready', flush=True)
        serve({device_a: up, device_b: down}, chosen.limit, parent)
    except Stopped:
        pass
    statistics = json.dumps({'up': up.summary(), 'down': down.summary(), 'priority': priority, 'seconds': round(time.monotonic() - began, 1)})
    print(statistics, flush=True)
    if chosen.stats:
        with open(chosen.stats, 'w', encoding='ascii') as file:
            file.write(statistics + '\n')


if __name__ == '__main__':
    main()
