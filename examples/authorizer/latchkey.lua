-- http-request lua.latchkey <namespace>/<service>: asks Latchkey's authorizer whether a request may pass. Whatever goes
-- wrong on the way refuses it. Needs haproxy 2.6 or later with Lua, as Debian and the official images have it.
local authorizer = assert(os.getenv("LATCHKEY_AUTHORIZER"), "LATCHKEY_AUTHORIZER is not set")
local path = assert(os.getenv("LATCHKEY_SECRET_FILE"), "LATCHKEY_SECRET_FILE is not set")
local file = assert(io.open(path))
local secret = assert(file:read("l"), "the secret file is empty")
file:close()

local address = os.getenv("LATCHKEY_AUTHORIZER_ADDRESS")
local timeout_ms = 2000
-- Told to the authorizer, and never to the app.
local key_header = (os.getenv("LATCHKEY_KEY_HEADER") or ""):lower()
-- What the app may be told, under these names and by the authorizer only.
local told = {
  "latchkey-client", "latchkey-subject", "latchkey-actor", "latchkey-roles", "latchkey-scopes", "latchkey-attributes",
  -- Comes back only where the service says keepCredential: Jwt.
  "authorization",
}
-- An app must not be asked for another method or path than the one that was decided on.
local overriding = {
  ["x-http-method"] = true, ["x-http-method-override"] = true, ["x-method-override"] = true,
  ["x-original-method"] = true, ["x-original-uri"] = true, ["x-original-url"] = true, ["x-rewrite-url"] = true,
  ["x-forwarded-method"] = true, ["x-forwarded-uri"] = true, ["script-name"] = true, ["path-info"] = true,
}

-- One name for all spellings that some app reads as the same.
local function folded(name)
  return (name:lower():gsub("[^a-z0-9]", "-"))
end

local function is_reserved(name)
  local plain = folded(name)
  return plain:sub(1, 9) == "latchkey-" or plain == "authorization" or overriding[plain] == true
    or (key_header ~= "" and plain == folded(key_header))
end

local function refuse(txn, status, headers, body)
  local reply = txn:reply()
  reply:set_status(status)
  for _, name in ipairs({ "content-type", "www-authenticate", "retry-after", "cache-control", "latchkey-decision", "x-request-id" }) do
    local values = headers[name]
    if values then reply:add_header(name, values[0]) end
  end
  reply:set_body(body or "")
  txn:done(reply)
end

core.register_action("latchkey", { "http-req" }, function(txn, service)
  local sent = txn.http:req_get_headers()
  local asked = {
    ["latchkey-peer-secret"] = { secret },
    ["x-original-method"] = { txn.sf:method() },
    -- As it came: no decoding, no normalisation.
    ["x-original-uri"] = { txn.sf:url() },
  }
  for _, name in ipairs({ "authorization", "x-request-id", key_header }) do
    if sent[name] then
      local values = {}
      for at = 0, #sent[name] do values[#values + 1] = sent[name][at] end
      asked[name] = values
    end
  end
  local ok, answer = pcall(function()
    local url = authorizer .. "/check/" .. service
    return core.httpclient():get({ url = url, dst = address, headers = asked, timeout = timeout_ms })
  end)
  -- haproxy makes a 503 of its own when it cannot reach the authorizer; only an answer with a decision is one.
  if not ok or not answer or not answer.headers or not answer.headers["latchkey-decision"] then
    local problem = '{"status":503,"code":"authorizer_unreachable"}'
    return refuse(txn, 503, { ["retry-after"] = { [0] = "1" }, ["content-type"] = { [0] = "application/problem+json" } }, problem)
  end
  if answer.status ~= 200 then
    return refuse(txn, answer.status >= 400 and answer.status or 503, answer.headers, answer.body)
  end
  for name in pairs(sent) do
    if is_reserved(name) then txn.http:req_del_header(name) end
  end
  -- What a caller lists in Connection would be dropped behind haproxy: ours too.
  if sent["connection"] then
    local upgrades = false
    for at = 0, #sent["connection"] do
      upgrades = upgrades or sent["connection"][at]:lower():find("upgrade", 1, true) ~= nil
    end
    txn.http:req_del_header("connection")
    if upgrades then txn.http:req_set_header("connection", "upgrade") end
  end
  for _, name in ipairs(told) do
    local values = answer.headers[name]
    if values then txn.http:req_set_header(name, values[0]) end
  end
  txn:set_var("txn.latchkey_decision", answer.headers["latchkey-decision"][0])
end, 1)
