-- wrk: sales of one unit, each of two commands: ReserveStock for an order of its own, then ConfirmReservation once that was answered. The SKUs that are
-- sold come from the environment variable SKUS (comma-separated), one after the other.
local skus = {}
for sku in string.gmatch(os.getenv("SKUS") or "85123A", "[^,]+") do skus[#skus + 1] = sku end
local threads = {}
local name, count = "", 0
reserved, sold, refused = 0, 0, 0
local to_confirm, first, last = {}, 1, 0

function setup(thread)
  thread:set("number", #threads)
  threads[#threads + 1] = thread
end

function init(args)
  name = string.format("%x-%s-%d", os.time(), tostring({}):match("0x(%x+)"), number)
end

local function post(path, key, body)
  return wrk.format("POST", path, { ["Content-Type"] = "application/json", ["Idempotency-Key"] = key }, body)
end

function request()
  if first <= last then
    local order = to_confirm[first]
    to_confirm[first] = nil
    first = first + 1
    return post("/v1/stock/" .. order.sku .. "/reservations/" .. order.id .. "/confirmations", "c/" .. order.sku .. "/" .. order.id, '{"lines":[1]}')
  end
  count = count + 1
  local id, sku = name .. "-" .. count, skus[count % #skus + 1]
  return post("/v1/stock/" .. sku .. "/reservations", "r/" .. sku .. "/" .. id, '{"order_id":"' .. id .. '","lines":[{"line":1,"quantity":1}],"ttl_seconds":600}')
end

function response(status, headers, body)
  local kind, sku, id = (headers["idempotency-key"] or headers["Idempotency-Key"] or ""):match("^(.)/([^/]+)/(.+)$")
  if status ~= 200 then
    refused = refused + 1
  elseif kind == "r" then
    reserved = reserved + 1
    last = last + 1
    to_confirm[last] = { sku = sku, id = id }
  elseif kind == "c" then
    sold = sold + 1
  end
end

function done(summary, latency)
  local counts = { reserved = 0, sold = 0, refused = 0 }
  for _, thread in ipairs(threads) do
    for what in pairs(counts) do counts[what] = counts[what] + thread:get(what) end
  end
  local bad = counts.refused + summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  local seconds = summary.duration / 1e6
  io.write(string.format('RESULT {"requests":%d,"reserved":%d,"sold":%d,"seconds":%.3f,"per_second":%.1f,"p50_ms":%.3f,"p99_ms":%.3f,"bad":%d}\n', summary.requests,
    counts.reserved, counts.sold, seconds, counts.sold / seconds, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, bad))
end
