// What many shops run: Express validates the JSON, kafkajs sends it, the answer is 201. Idempotent producer off, as most leave it (IDEMPOTENT=1 turns it on).
//   node express_server.js BROKERS TOPIC PORT
"use strict";
const express = require("express");
const { Kafka, logLevel, Partitioners } = require("kafkajs");

const [brokers, topic, port] = process.argv.slice(2);
const kafka = new Kafka({ clientId: "express", brokers: brokers.split(","), logLevel: logLevel.ERROR });
const idempotent = process.env.IDEMPOTENT === "1";
const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, idempotent, maxInFlightRequests: 5 });

function faultsOf(order) {
  const faults = [];
  if (typeof order !== "object" || order === null) return ["/"];
  for (const name of ["country", "currency"]) if (typeof order[name] !== "string" || !order[name]) faults.push("/" + name);
  if (!Array.isArray(order.lines) || order.lines.length === 0 || order.lines.length > 2500) return faults.concat("/lines");
  order.lines.forEach((line, i) => {
    if (typeof line.sku !== "string" || !line.sku) faults.push(`/lines/${i}/sku`);
    if (!Number.isInteger(line.quantity) || line.quantity < 1) faults.push(`/lines/${i}/quantity`);
  });
  return faults;
}

const app = express();
app.disable("x-powered-by");
app.use(express.json({ limit: "256kb" }));
app.get("/livez", (request, response) => response.json({}));
app.post("/v1/orders", async (request, response) => {
  const faults = faultsOf(request.body);
  if (faults.length) return response.status(400).json({ faults });
  const id = crypto.randomUUID();
  try {
    await producer.send({ topic, acks: -1, messages: [{ key: id, value: JSON.stringify({ type: "OrderPlaced", id, at: Date.now(), order: request.body }) }] });
    response.status(201).location("/v1/orders/" + id).json({ id });
  } catch (error) {
    response.status(503).json({ error: error.message });
  }
});
producer.connect().then(() => app.listen(Number(port), "127.0.0.1", () => console.log("listening")));
