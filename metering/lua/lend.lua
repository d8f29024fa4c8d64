-- The treasury's totals for one voucher. Version 1 creates, and is sent once; a lower or equal one does nothing;
-- a missing voucher with a later version means that this data set forgot it: never seeded again. No total takes back what is spent or held.
-- KEYS  1 epoch  2 voucher
-- ARGV  1 n  2 version  3 limit  4 ends_ms  5 state  6 granted_gov  7 granted_self  8 before  9 frozen
-- ->    OK | NO | VACANT | OTHER n
local refusal = not_amounts(ARGV[2], ARGV[3]) or fence(ARGV[1])
if refusal then return refusal end
local v = redis.call('HMGET', KEYS[2], 'ver', 'spent', 'held')
local limit = ARGV[3]
if not v[1] then
  if ARGV[2] ~= '1' then return {'NO'} end
  redis.call('HSET', KEYS[2], 'spent', '0', 'held', '0', 'open', '0')
elseif tonumber(ARGV[2]) <= tonumber(v[1]) then
  return {'OK'}
else
  limit = text(math.max(tonumber(limit), tonumber(v[2]) + tonumber(v[3])))
end
redis.call('HSET', KEYS[2], 'ver', ARGV[2], 'limit', limit, 'ends_ms', ARGV[4], 'state', ARGV[5],
  'granted_gov', ARGV[6], 'granted_self', ARGV[7], 'before', ARGV[8], 'frozen', ARGV[9])
return {'OK'}
