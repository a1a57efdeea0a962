"""What the tests of the command API share: a shop to sell from, problems, and what of a stream is in the log."""
import concurrent.futures

from harness import log

PRICE = {"price": "2.50", "currency": "GBP"}


def ok(answer, *statuses):
    assert answer.status_code in (statuses or (200, 201)), f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text[:500]}"
    return answer


def problem(answer, status, slug):
    assert answer.status_code == status, f"{answer.status_code} {answer.text[:500]}"
    assert answer.headers["Content-Type"] == "application/problem+json"
    document = answer.json()
    assert document["type"] == f"urn:orderlog:problem:{slug}" and document["status"] == status, document
    return document


def product(orderlog, sku, prices=(PRICE,), **more):
    return ok(orderlog.command("CreateProduct", sku=sku, title=f"Title of {sku}", prices=list(prices), **more))


def cart(orderlog, cart_id, *items):
    """A cart in GBP with (sku, quantity) in it."""
    ok(orderlog.command("CreateCart", cart_id=cart_id, currency="GBP"))
    for sku, quantity in items:
        ok(orderlog.command("AddCartItem", cart_id=cart_id, sku=sku, quantity=quantity))


def order_of(sku, quantity=1, **more):
    return {"country": "France", "currency": "GBP", "lines": [{"sku": sku, "quantity": quantity}]} | more


def streams(orderlog, topic):
    """{stream: its valid commits in order}, as an independent client decodes them."""
    found = {}
    for commit in log.commits(orderlog, topic):
        commits = found.setdefault(commit["stream_id"], [])
        assert commit["base_version"] == len(commits), commit
        commits.append(commit)
    return found


def types(commits):
    """The names of the events, without namespace."""
    return [event[0].rsplit(".", 1)[-1] for commit in commits for event in commit["events"]]


def at_once(count, function):
    """The results of function(0) to function(count - 1), run side by side."""
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return list(pool.map(function, range(count)))
