-- wrk: POST /v1/orders with three lines, each request another customer and other quantities. SKUs come from the environment variable SKUS (comma-separated).
local skus = {}
for sku in string.gmatch(os.getenv("SKUS") or "85123A,22423,84879", "[^,]+") do skus[#skus + 1] = sku end
local headers = { ["Content-Type"] = "application/json" }

function init(args)
  math.randomseed(os.time() + tonumber(tostring({}):match("0x(%x+)"), 16) % 1000000)
end

function request()
  local lines = {}
  for i = 1, 3 do
    lines[i] = string.format('{"sku":"%s","quantity":%d}', skus[math.random(#skus)], math.random(1, 24))
  end
  local body = string.format('{"customer_id":"%d","country":"United Kingdom","currency":"GBP","lines":[%s]}', math.random(10000, 99999), table.concat(lines, ","))
  return wrk.format("POST", "/v1/orders", headers, body)
end

function done(summary, latency)
  local bad = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.write(string.format('RESULT {"requests":%d,"seconds":%.3f,"per_second":%.1f,"p50_ms":%.3f,"p99_ms":%.3f,"bad":%d}\n', summary.requests,
    summary.duration / 1e6, summary.requests / (summary.duration / 1e6), latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, bad))
end
