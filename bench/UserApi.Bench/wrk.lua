-- Arguments: get, put, mix or a path; the number of users; "check" to hold every answer against what was seeded or put.
-- Prints one line of JSON. An answer is right when the number in the user's name is the number in its id.
local sampled = 100000
local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  local workload, users, check = args[1], tonumber(args[2]), args[3] == "check"
  local gets, puts, version = {}, {}, 0
  math.randomseed(os.time())
  wrong = 0
  if workload:sub(1, 1) == "/" then
    gets[1] = wrk.format("GET", workload)
  else
    -- No user in the answer: what programs that write much prefer, and all that the peers can do.
    local json = { ["Content-Type"] = "application/json", ["Prefer"] = "return=minimal" }
    for i = 1, math.min(users, sampled) do
      local number = users <= sampled and i or math.random(users)
      local path = string.format("/users/user-%07d", number)
      gets[i] = wrk.format("GET", path)
      -- Without the version at its end: a user that is put as it is would not be written.
      puts[i] = wrk.format("PUT", path, json, string.format('{"name":"User %07d v0000000"}', number)):sub(1, -10)
    end
  end

  request = function()
    if workload == "put" or (workload == "mix" and math.random(10) == 1) then
      version = (version + 1) % 10000000
      return puts[math.random(#puts)] .. string.format('%07d"}', version)
    end
    return gets[math.random(#gets)]
  end

  if check then
    response = function(status, headers, body)
      local id, name = body:match("user%-(%d+)"), body:match("User (%d+)")
      local isRight = (status == 200 and id ~= nil and id == name) or (status == 204 and body == "")
      if not isRight then
        wrong = wrong + 1
      end
    end
  end
end

function done(summary, latency)
  local errors, wrongs = summary.errors, 0
  for _, thread in ipairs(threads) do
    wrongs = wrongs + thread:get("wrong")
  end
  io.write(string.format(
    '\n{"requests":%d,"microseconds":%d,"errors":%d,"wrong":%d,"p50":%d,"p99":%d}\n',
    summary.requests, summary.duration, errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    wrongs, latency:percentile(50), latency:percentile(99)))
end
