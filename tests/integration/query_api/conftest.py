"""A namespace whose stores hold the documents of query_data, and the query API before it. No Kafka is asked for anything."""
import uuid

import pytest
from query_filled import Filled

from harness.namespace import Orderlog


@pytest.fixture(scope="session")
def filled_session(stack):
    made = Filled(Orderlog(f"query-{uuid.uuid4().hex[:8]}", stack))
    made.fill()
    yield made
    made.api.stop()


@pytest.fixture
def filled(filled_session):
    filled_session.api.start("query-api")
    return filled_session
