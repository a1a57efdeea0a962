/* A schema registry for tests: the Confluent API's few requests on a loopback port, in a thread of its own. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

struct fake_registry;

/* What it answers whatever it is asked, when not 0. Set while no request is on its way. */
enum fake_mode { FAKE_NORMAL, FAKE_BROKEN = 503, FAKE_INCOMPATIBLE = 409, FAKE_NO_REGISTRY = 404, FAKE_NONSENSE = 200 };

struct fake_registry *fake_registry_create(void);
void fake_registry_destroy(struct fake_registry *fake);
/* "http://127.0.0.1:PORT" */
const char *fake_registry_url(const struct fake_registry *fake);
void fake_registry_set_mode(struct fake_registry *fake, enum fake_mode mode);
int fake_registry_requests(struct fake_registry *fake);
/* The compatibility mode that was last set, with its subject: "cart-value BACKWARD". */
const char *fake_registry_compatibility(struct fake_registry *fake);
