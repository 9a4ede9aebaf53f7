-- What wrk sends and what it says at the end. Arguments after `--`: path, a file of tokens, one a line or `path token`,
-- then more headers as `name: value`.
-- All requests are made beforehand: while the clock runs, only a table is read.
local requests = {}
local at = 0

function init(args)
  local headers = {}
  for index = 3, #args do
    local name, value = args[index]:match("^([^:]+): (.*)$")
    headers[name] = value
  end
  for line in io.lines(args[2]) do
    local path, token = line:match("^(%S+) (%S+)$")
    headers["Authorization"] = "Bearer " .. (token or line)
    requests[#requests + 1] = wrk.format("GET", path or args[1], headers)
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

-- One JSON line on standard output; times in microseconds.
function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format(
    '\nbench {"requests":%d,"microseconds":%d,"notOk":%d,"socketErrors":%d,"p50":%d,"p99":%d,"p999":%d}\n',
    summary.requests, summary.duration, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
end
