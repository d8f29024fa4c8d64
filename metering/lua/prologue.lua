-- What every script begins with. KEYS[1] is the lane's epoch hash in all of them.
--
-- The fence: an epoch lives only in the data set it was opened in. master_replid changes at every restart and
-- every promotion; after FLUSHALL the epoch hash itself is missing. Amounts stay below 2^53, so that Lua's
-- doubles compare them exactly; they are written as integers in text.

local ID = 'master_replid:'

local function replid()
  return string.match(redis.call('INFO', 'replication'), ID .. '(%x+)')
end

-- Every call asks this twice: a plain search for what it has to be is quicker than reading what it is.
local function is_here(fence)
  return string.find(redis.call('INFO', 'replication'), ID .. fence .. '\r', 1, true) ~= nil
end

local function fence(n)
  local at = redis.call('HMGET', KEYS[1], 'n', 'fence')
  if not at[1] or not at[2] or not is_here(at[2]) then return {'VACANT'} end
  if at[1] ~= n then return {'OTHER', at[1]} end
  return nil
end

-- Adding zero makes 0 of -0, which Redis would refuse as "-0" in the middle of a script.
local function text(x) return string.format('%.0f', x + 0) end

-- Amounts are digits and nothing else, below 2^53: a sign or a fraction would make money. Asked before any write.
local function not_amounts(...)
  for _, amount in ipairs({...}) do
    if not string.find(amount, '^%d+$') or tonumber(amount) > 9007199254740991 then
      return redis.error_reply('ERR not an amount of micro-won: ' .. amount)
    end
  end
  return nil
end

local function now_ms()
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end

local function korean_day(ms) return math.floor((ms + 32400000) / 86400000) end

local function day_used_up(ms) return {'LIMITED', 'krw_per_day', text(86400000 - (ms + 32400000) % 86400000)} end

-- a voucher, read once: what follows counts in it and writes it once
local function account(voucher)
  return redis.call('HMGET', voucher, 'limit', 'spent', 'held', 'open', 'granted_gov', 'granted_self',
    'before', 'frozen', 'usual')
end

-- how much of a charge its hold and what nobody holds can pay
local function payable(v, amount, charge)
  if not v[1] then return nil end
  return math.min(charge, amount + tonumber(v[1]) - tonumber(v[2]) - tonumber(v[3]))
end

-- held, spent, open of a voucher and the windows of a key, when a hold ends. -> what was taken of the charge
local function finish(voucher, v, key, key_tokens, ops, hold, op, amount, charge, day, tokens)
  local taken = payable(v, amount, charge)
  if not taken then return 0 end
  v[2], v[3], v[4] = text(v[2] + taken), text(v[3] - amount), text(v[4] - 1)
  redis.call('HSET', voucher, 'spent', v[2], 'held', v[3], 'open', v[4], 'usual', v[9] or '0')
  redis.call('SREM', ops, op)
  redis.call('PEXPIRE', hold, 3600000)
  if key then
    redis.call('HINCRBY', key, 'open', -1)
    if redis.call('HGET', key, 'day') == day then
      redis.call('HINCRBY', key, 'day_held', text(-amount))
      redis.call('HINCRBY', key, 'day_spent', text(taken))
    end
    local was = redis.call('HGET', key_tokens, op)
    if was then
      redis.call('HINCRBY', key, 'tokens', tonumber(tokens) - tonumber(was))
      redis.call('HSET', key_tokens, op, tokens)
    end
  end
  return taken
end

-- what a call of this voucher costs, the dearest of the last: metering/habit.py says this in words (dearest)
local function learn(v, charge)
  local usual = tonumber(v[9] or 0)
  if charge < usual then charge = usual - math.floor((usual - charge) / 32) end
  v[9] = text(charge)
end

local function balance(v, event_id)
  return {'OK', event_id, v[2], v[3], v[1], v[5], v[6], v[7], v[8]}
end
