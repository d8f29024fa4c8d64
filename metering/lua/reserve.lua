-- Set money aside for one call, or say why not. All or nothing.
-- KEYS  1 epoch  2 hold  3 open ops of the gateway  4 key  5 key's requests  6 key's request tokens
--       7 key's token window  8.. vouchers, in the order in which they pay
-- ARGV  1 n  2 op  3 want  4 least  5 sliced 0|1  6 tokens  7 rpm  8 tpm  9 budget per day  10 concurrent
--       11 day spent by the books  12 meta  13 gateway  14 key id  ('' is no limit, or unknown)
--       15.. voucher ids
-- ->    OK voucher granted now available limit | NO_LOAN voucher | SHORT voucher available held | ENDED
--       LIMITED which retry_ms | DAY day | OVER | VACANT | OTHER n
local refusal = not_amounts(ARGV[3], ARGV[4], ARGV[6]) or fence(ARGV[1])
if refusal then return refusal end
local op, want, least, sliced = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5] == '1'
local done = redis.call('HMGET', KEYS[2], 'v', 'granted', 't', 'free', 'limit', 's', 'g', 'c', 'f', 'fo', 'm')
local anew = done[1] and done[6] ~= 'open'  -- the call is made again
if anew and done[8] ~= '0' then return {'OVER'} end
if done[1] and not anew then
  if done[7] ~= ARGV[13] then
    -- From now on it is ours: the sweeper, who walks the dead gateway's, must not end it under us.
    redis.call('SREM', string.sub(KEYS[3], 1, -1 - #ARGV[13]) .. done[7], op)
    redis.call('SADD', KEYS[3], op)
    redis.call('HSET', KEYS[2], 'g', ARGV[13], 'm', ARGV[12])
    -- What the dead gateway gave of its answer stays owed, unless the call costs something now.
    if done[9] ~= '0' then redis.call('HSET', KEYS[2], 'f0', done[9], 'fo0', done[10], 'm0', done[11]) end
  end
  return {'OK', done[1], done[2], done[3], done[4], done[5]}
end

local now = now_ms()
local day = korean_day(now)
local rpm, tpm, budget, most = ARGV[7], ARGV[8], ARGV[9], ARGV[10]
local limited = rpm ~= '' or tpm ~= '' or budget ~= '' or most ~= ''
local day_left, roll, seed = nil, false, 0

if limited then
  local k = redis.call('HMGET', KEYS[4], 'day', 'day_spent', 'day_held', 'open', 'tokens')
  if not k[1] and budget ~= '' and ARGV[11] == '' then return {'DAY', text(day)} end
  local spent, held = tonumber(k[2] or 0), tonumber(k[3] or 0)
  if k[1] ~= text(day) then
    roll = true
    if not k[1] and ARGV[11] ~= '' then seed = tonumber(ARGV[11]) end
    spent, held = seed, 0
  end
  if most ~= '' and tonumber(k[4] or 0) >= tonumber(most) then return {'LIMITED', 'concurrent', '1000'} end
  local start = now - 60000
  if rpm ~= '' then
    redis.call('ZREMRANGEBYSCORE', KEYS[5], '-inf', text(start))
    if redis.call('ZCARD', KEYS[5]) >= tonumber(rpm) then
      local oldest = redis.call('ZRANGE', KEYS[5], 0, 0, 'WITHSCORES')
      return {'LIMITED', 'requests_per_minute', text(tonumber(oldest[2] or text(now)) + 60000 - now)}
    end
  end
  if tpm ~= '' then
    local sum = tonumber(k[5] or 0)
    local gone = redis.call('ZRANGEBYSCORE', KEYS[7], '-inf', text(start))
    for _, old in ipairs(gone) do
      local tokens = tonumber(redis.call('HGET', KEYS[6], old) or 0)
      sum = sum - tokens
      redis.call('HINCRBY', KEYS[4], 'tokens', text(-tokens))
      redis.call('HDEL', KEYS[6], old)
      redis.call('ZREM', KEYS[7], old)
    end
    if sum + tonumber(ARGV[6]) > tonumber(tpm) then
      local oldest = redis.call('ZRANGE', KEYS[7], 0, 0, 'WITHSCORES')
      return {'LIMITED', 'tokens_per_minute', text(tonumber(oldest[2] or text(now)) + 60000 - now)}
    end
  end
  if budget ~= '' then
    day_left = tonumber(budget) - spent - held
    if day_left < least then return day_used_up(now) end
  end
end

-- Which voucher, and how much of the wish: metering/granting.py says this in words.
local chosen, granted, fullest, fullest_free, fullest_open, fullest_enough = nil, nil, nil, nil, nil, nil
local read = {}
for i = 8, #KEYS do
  local v = redis.call('HMGET', KEYS[i], 'limit', 'spent', 'held', 'ends_ms', 'state', 'open', 'usual')
  if not v[1] then return {'NO_LOAN', ARGV[i + 7]} end
  read[i] = v
  if v[5] == 'active' and now < tonumber(v[4]) then
    local free = tonumber(v[1]) - tonumber(v[2]) - tonumber(v[3])
    local enough = tonumber(v[7] or 0)
    enough = enough + math.floor(enough / 4)
    if day_left and day_left < free then free, enough = day_left, 0 end
    if want <= free and (not sliced or want <= math.floor(free / (2 * (tonumber(v[6]) + 1)))) then
      chosen, granted = i, want
      break
    end
    if not fullest or free > fullest_free then
      fullest, fullest_free, fullest_open, fullest_enough = i, free, tonumber(v[6]), enough
    end
  end
end
if not chosen then
  if not fullest then return {'ENDED'} end
  if fullest_free >= least then
    local part = want
    if sliced then
      part = math.min(want, math.max(least, math.floor(fullest_free / (2 * (fullest_open + 1)))))
      if fullest_open >= 24 and part < math.min(want, math.floor(want / 16)) then part = nil
      else part = math.max(part, math.min(want, fullest_enough)) end
    end
    if part and (part <= fullest_free or fullest_open == 0) then granted = math.min(part, fullest_free) end
  end
  if not granted then
    local v = read[fullest]
    local free = tonumber(v[1]) - tonumber(v[2]) - tonumber(v[3])
    if fullest_free < free then return day_used_up(now) end
    return {'SHORT', ARGV[fullest + 7], text(free), v[3]}
  end
  chosen = fullest
end

local voucher, id, amount = KEYS[chosen], ARGV[chosen + 7], text(granted)
local v = read[chosen]
local held = v[3] + granted
local free = text(v[1] - v[2] - held)
redis.call('HSET', voucher, 'held', text(held), 'open', text(v[6] + 1))
if anew then redis.call('DEL', KEYS[2]) end
redis.call('HSET', KEYS[2], 'v', id, 'granted', amount, 'a', amount, 't', text(now), 'free', free,
  'limit', v[1], 'd', text(day), 'k', limited and ARGV[14] or '', 'g', ARGV[13], 's', 'open', 'f', '0',
  'fo', '0', 'm', ARGV[12], 'b', budget)
redis.call('SADD', KEYS[3], op)
if limited then
  if roll then redis.call('HSET', KEYS[4], 'day', text(day), 'day_spent', text(seed), 'day_held', '0') end
  redis.call('HINCRBY', KEYS[4], 'day_held', amount)
  redis.call('HINCRBY', KEYS[4], 'open', 1)
  if rpm ~= '' then
    redis.call('ZADD', KEYS[5], text(now), op)
    redis.call('PEXPIRE', KEYS[5], 120000)
  end
  if tpm ~= '' then
    local was = anew and tonumber(redis.call('HGET', KEYS[6], op) or 0) or 0
    redis.call('ZADD', KEYS[7], text(now), op)
    redis.call('HSET', KEYS[6], op, ARGV[6])
    redis.call('HINCRBY', KEYS[4], 'tokens', text(ARGV[6] - was))
  end
end
return {'OK', id, amount, text(now), free, v[1]}
