-- Give back what is neither spent nor held, down to a target. The books recorded the intent under this version.
-- KEYS  1 epoch  2 voucher     ARGV  1 n  2 version  3 target     ->  OK limit | NO | VACANT | OTHER n
local refusal = not_amounts(ARGV[2], ARGV[3]) or fence(ARGV[1])
if refusal then return refusal end
local v = redis.call('HMGET', KEYS[2], 'ver', 'limit', 'spent', 'held')
if not v[1] or tonumber(ARGV[2]) < tonumber(v[1]) then return {'NO'} end
if tonumber(ARGV[2]) > tonumber(v[1]) then
  local limit = text(math.max(tonumber(ARGV[3]), tonumber(v[3]) + tonumber(v[4])))
  redis.call('HSET', KEYS[2], 'ver', ARGV[2], 'limit', limit)
  return {'OK', limit}
end
return {'OK', v[2]}
