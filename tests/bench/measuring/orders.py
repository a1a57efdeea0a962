"""Many orders in a log, as quickly as the command API takes them."""
from harness import wait
from measuring.contenders import Wrk, create_products

CONNECTIONS, SLICE_SECONDS, SLICES_MAX = 64, 1, 240
FEW, FEW_CONNECTIONS = 10_000, 4  # a slice of the full load would place many more


def place(orderlog, at_least, say):
    """Places orders until the log has so many; returns how many there are."""
    orderlog.start("command-api")
    create_products(orderlog)
    load = Wrk("command-api", orderlog.url("command-api"), None)
    placed = 0
    for _ in range(SLICES_MAX):
        answer, _ = load.run(FEW_CONNECTIONS if at_least < FEW else CONNECTIONS, SLICE_SECONDS)
        if answer["bad"]:
            raise RuntimeError(f"orders were refused: {answer}")
        placed += answer["requests"]
        if placed >= at_least:
            break
    else:
        raise RuntimeError(f"{placed} orders in {SLICES_MAX} s: too slow to get {at_least}")
    # Requests that were cut off at the end of a slice may be orders too.
    wait.until(lambda: committed(orderlog) >= placed, 10, "every order is counted")
    say(f"{orderlog.log_length('order')} records in the order topic")
    return committed(orderlog)


def committed(orderlog):
    metrics = orderlog.metrics("command-api")
    return int(sum(value for name, value in metrics.items()
                   if name.startswith("orderlog_executor_committed{") and f'topic="{orderlog.topic("order")}"' in name))
