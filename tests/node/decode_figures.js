// Reads topics of the log with kafkajs and @kafkajs/confluent-schema-registry, counts what the ledger's rule says is valid, and prints a month's figures
// as one JSON object; amounts are strings of whole 1/10000. Used by tests/integration/decoders.
//   node decode_figures.js BROKERS REGISTRY_URL TOPIC…
"use strict";
const { Kafka, logLevel } = require("kafkajs");
const { SchemaRegistry } = require("@kafkajs/confluent-schema-registry");

const TOP_SKUS = 5, TOP_COUNTRIES = 3, STALL_MS = 30000;

class Figures {
  rows = 0; documents = 0; sales = 0; returns = 0; badDebts = 0; others = 0; guests = 0;
  saleUnits = 0n; saleValue = 0n; returnedUnits = 0n; returnedValue = 0n;
  customers = new Set(); stockCodes = new Set();
  unitsBySku = new Map(); valueByCountry = new Map();
  longest = { lines: 0, number: "" };

  party(fields) {
    if (fields.customer_id === null) this.guests++;
    else this.customers.add(fields.customer_id);
  }

  lines(number, lines) {
    this.rows += lines.length;
    for (const line of lines) this.stockCodes.add(line.sku);
    const longer = lines.length > this.longest.lines;
    if (longer || (lines.length === this.longest.lines && inByteOrder(number, this.longest.number) < 0)) this.longest = { lines: lines.length, number };
  }

  OrderPlaced(fields) {
    this.party(fields);
    this.lines(fields.order_id, fields.lines);
    let priced = 0;
    for (const line of fields.lines) {
      if (line.unit_price === 0) {
        this.others++;
        continue;
      }
      const value = BigInt(line.quantity) * BigInt(line.unit_price);
      priced++;
      this.saleUnits += BigInt(line.quantity);
      this.saleValue += value;
      addTo(this.unitsBySku, line.sku, BigInt(line.quantity));
      addTo(this.valueByCountry, fields.country, value);
    }
    if (priced > 0) this.sales++;
  }

  ReturnRecorded(fields) {
    this.party(fields);
    this.lines(fields.return_id, fields.lines);
    this.returns++;
    for (const line of fields.lines) {
      this.returnedUnits += BigInt(line.quantity);
      this.returnedValue += BigInt(line.quantity) * BigInt(line.unit_price);
    }
  }

  BadDebtAdjusted() {
    this.rows++;
    this.badDebts++;
    this.guests++;
    this.stockCodes.add("B");
  }

  StockAdjusted(fields) {
    this.rows++;
    this.others++;
    this.guests++;
    this.stockCodes.add(fields.sku);
  }

  // An item of the union is { "orderlog.order.OrderPlaced": fields }.
  add(item) {
    const [[fullName, fields]] = Object.entries(item);
    const name = fullName.split(".").pop();
    if (!["OrderPlaced", "ReturnRecorded", "BadDebtAdjusted", "StockAdjusted"].includes(name)) return;
    this.documents++;
    this[name](fields);
  }

  result() {
    return {
      rows: this.rows, invoices: this.documents, sale_invoices: this.sales, sale_units: String(this.saleUnits), sale_value_gbp: String(this.saleValue),
      cancellation_invoices: this.returns, cancelled_units: String(-this.returnedUnits), cancelled_value_gbp: String(-this.returnedValue),
      adjustment_rows: this.badDebts, other_rows_not_a_sale: this.others, customers: this.customers.size, guest_invoices: this.guests,
      stock_codes: this.stockCodes.size, longest_invoice: [this.longest.number, this.longest.lines],
      top_5_sold_units: top(this.unitsBySku, TOP_SKUS).map(([name, number]) => [name, Number(number)]),
      sale_value_by_country_top_3: top(this.valueByCountry, TOP_COUNTRIES).map(([name, number]) => [name, String(number)]),
    };
  }
}

const inByteOrder = (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b));
const addTo = (map, key, number) => map.set(key, (map.get(key) ?? 0n) + number);
const top = (map, count) => [...map].sort(([a, m], [b, n]) => (m === n ? inByteOrder(a, b) : m > n ? -1 : 1)).slice(0, count);

// A commit counts if its epoch is the current one and its sequence number the next; a fence if its epoch is higher than every one before.
class Ledger {
  epoch = 0; nextSeq = 0; fences = 0;
  counts(commit) {
    if (commit.stream_id === "") {
      if (commit.epoch > this.epoch) {
        this.epoch = commit.epoch;
        this.nextSeq = 0;
        this.fences++;
      }
      return false;
    }
    if (this.epoch === 0 || commit.epoch !== this.epoch || commit.seq !== this.nextSeq) return false;
    this.nextSeq++;
    return true;
  }
}

async function endOffsets(kafka, topics) {
  const admin = kafka.admin();
  const left = new Map();
  await admin.connect();
  for (const topic of topics)
    for (const { partition, high } of await admin.fetchTopicOffsets(topic)) if (Number(high) > 0) left.set(`${topic}/${partition}`, Number(high));
  await admin.disconnect();
  return left;
}

async function read(kafka, topics, left, each) {
  const consumer = kafka.consumer({ groupId: `decode-figures-${process.pid}-${Date.now()}`, maxWaitTimeInMs: 200 });
  let stalled;
  await consumer.connect();
  await consumer.subscribe({ topics, fromBeginning: true });
  await new Promise((resolve, reject) => {
    const watch = () => {
      clearTimeout(stalled);
      stalled = setTimeout(() => reject(new Error(`no record for ${STALL_MS} ms; missing: ${[...left]}`)), STALL_MS);
    };
    consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
    watch();
    consumer.run({
      eachBatch: async ({ batch, heartbeat }) => {
        const key = `${batch.topic}/${batch.partition}`;
        watch();
        for (const message of batch.messages) {
          if (!left.has(key)) break;
          await each(key, message);
          if (Number(message.offset) >= left.get(key) - 1) left.delete(key);
        }
        await heartbeat();
        if (left.size === 0) resolve();
      },
    }).catch(reject);
  });
  clearTimeout(stalled);
  await consumer.disconnect();
}

async function main([brokers, registryUrl, ...topics]) {
  if (topics.length === 0) throw new Error("usage: decode_figures.js BROKERS REGISTRY_URL TOPIC…");
  const kafka = new Kafka({ clientId: "decode-figures", brokers: brokers.split(","), logLevel: logLevel.ERROR });
  const registry = new SchemaRegistry({ host: registryUrl });
  const ledgers = new Map(), figures = new Figures();
  await read(kafka, topics, await endOffsets(kafka, topics), async (key, message) => {
    const commit = await registry.decode(message.value);
    if (!ledgers.has(key)) ledgers.set(key, new Ledger());
    if (ledgers.get(key).counts(commit)) commit.events.forEach((item) => figures.add(item));
  });
  const fences = [...ledgers.values()].reduce((sum, ledger) => sum + ledger.fences, 0);
  console.log(JSON.stringify({ fences, ...figures.result() }));
}

main(process.argv.slice(2)).then(() => process.exit(0), (error) => {
  console.error(error.stack);
  process.exit(1);
});
