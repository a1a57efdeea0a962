"""A steady stream of PlaceOrder: `steady.py ADDRESS RATE SECONDS`. Keeps its schedule, whatever the answers take; one JSON line at the end."""
import http.client
import json
import sys
import threading
import time

CONNECTIONS = 8
TIMEOUT_SECONDS = 30
BODY = json.dumps({"country": "France", "currency": "GBP", "lines": [{"sku": f"BENCH00{n}", "quantity": n} for n in (1, 2, 3)]})
HEADERS = {"Content-Type": "application/json"}


def send(address, rate, seconds, first, counts):
    """One connection: every CONNECTIONS-th request of the schedule."""
    connection = http.client.HTTPConnection(address, timeout=TIMEOUT_SECONDS)
    begin, sent, bad, late = time.monotonic(), 0, 0, 0.0
    for number in range(first, int(rate * seconds), CONNECTIONS):
        pause = begin + number / rate - time.monotonic()
        if pause > 0:
            time.sleep(pause)
        late = max(late, -pause)
        connection.request("POST", "/v1/orders", BODY, HEADERS)
        answer = connection.getresponse()
        answer.read()
        sent, bad = sent + 1, bad + (answer.status != 201)
    counts[first] = (sent, bad, late)


def main():
    address, rate, seconds = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
    counts, begin = {}, time.monotonic()
    threads = [threading.Thread(target=send, args=(address, rate, seconds, first, counts)) for first in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(counts) < CONNECTIONS:
        return 1
    sent, bad = (sum(count[i] for count in counts.values()) for i in (0, 1))
    print(json.dumps({"sent": sent, "bad": bad, "per_second": round(sent / (time.monotonic() - begin), 1),
                      "late_ms": round(max(count[2] for count in counts.values()) * 1e3)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
