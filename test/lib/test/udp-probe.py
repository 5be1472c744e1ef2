"""Packets over the emulated network: `echo`, or `send N INTERVAL_MS BYTES` which prints what came back as JSON."""
import json
import socket
import sys
import threading
import time

PORT = 9_977
link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
link.bind(('0.0.0.0', PORT))

if sys.argv[1] == 'echo':
    print('ready', flush=True)
    while True:
        packet, peer = link.recvfrom(2048)
        link.sendto(packet, peer)

count, interval, size = int(sys.argv[2]), float(sys.argv[3]) / 1000, int(sys.argv[4])
sent_at = [0.0] * count
round_trips = {}


def receive():
    while True:
        packet = link.recv(2048)
        number = int.from_bytes(packet[:4], 'big')
        round_trips[number] = (time.monotonic() - sent_at[number]) * 1000


threading.Thread(target=receive, daemon=True).start()
for number in range(count):
    sent_at[number] = time.monotonic()
    link.sendto(number.to_bytes(4, 'big').ljust(size, b'.'), ('10.77.0.2', PORT))
    time.sleep(interval)
time.sleep(0.3)
print(json.dumps({'roundTripsMs': [round_trips.get(number) for number in range(count)]}))
