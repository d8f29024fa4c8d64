-- Raise an open hold to `want` in all, at least to `least`; want 0 is a checkpoint only. The floor only rises.
-- Who is not the first of its gateway may take no more of what is free than its part among all that run.
-- KEYS  1 epoch  2 hold  3 voucher  4 key
-- ARGV  1 n  2 want  3 least  4 floor  5 output tokens at the floor  6 first 0|1  7 gateway
-- ->    OK amount | SHORT available held | LIMITED krw_per_day retry_ms | GONE
local wrong = not_amounts(ARGV[2], ARGV[3], ARGV[4], ARGV[5])
if wrong then return wrong end
if fence(ARGV[1]) then return {'GONE'} end
local h = redis.call('HMGET', KEYS[2], 's', 'a', 'f', 'd', 'k', 'b', 'g')
if h[1] ~= 'open' or h[7] ~= ARGV[7] then return {'GONE'} end  -- ended, or another gateway's by now
if tonumber(ARGV[4]) > tonumber(h[3]) then redis.call('HSET', KEYS[2], 'f', ARGV[4], 'fo', ARGV[5]) end
local want, least, amount = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(h[2])
if want <= amount then return {'OK', h[2]} end
local v = redis.call('HMGET', KEYS[3], 'limit', 'spent', 'held', 'open')
local free = tonumber(v[1]) - tonumber(v[2]) - tonumber(v[3])
local payable, counted = free, false
if h[5] ~= '' then
  local k = redis.call('HMGET', KEYS[4], 'day', 'day_spent', 'day_held')
  counted = k[1] == h[4]
  if counted and h[6] ~= '' then payable = math.min(free, tonumber(h[6]) - tonumber(k[2]) - tonumber(k[3])) end
end
local part = ARGV[6] == '1' and payable or math.min(payable, math.floor(free / tonumber(v[4])))
local raised = math.min(want, amount + part)
if raised < least or raised <= amount then
  if payable < free then return day_used_up(now_ms()) end
  return {'SHORT', text(free), v[3]}
end
redis.call('HINCRBY', KEYS[3], 'held', text(raised - amount))
if counted then
  redis.call('HINCRBY', KEYS[4], 'day_held', text(raised - amount))
end
redis.call('HSET', KEYS[2], 'a', text(raised))
return {'OK', text(raised)}
