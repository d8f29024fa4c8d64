-- End the hold of a dead gateway at its last checkpoint. Asks for no living epoch: old ones are swept too.
-- KEYS  1 epoch  2 hold  3 log  4 voucher  5 key  6 key's request tokens  7 open ops of the gateway
-- ARGV  1 n  2 op  3 gateway
-- ->    OK event_id … | GONE: also where another gateway has taken the call over since its ops were read
local h = redis.call('HMGET', KEYS[2], 's', 'a', 'd', 'k', 'f', 'fo', 'v', 't', 'm', 'g')
if h[1] ~= 'open' or h[10] ~= ARGV[3] then
  redis.call('SREM', KEYS[7], ARGV[2])
  return {'GONE'}
end
local id = redis.call('XADD', KEYS[3], '*', 'op', ARGV[2], 'kind', 'swept', 'n', ARGV[1],
  'charge', h[5], 'out', h[6], 'v', h[7], 't', h[8], 'e', h[9])
redis.call('HSET', KEYS[2], 's', 'swept', 'id', id, 'c', h[5])
local key = h[4] ~= '' and KEYS[5] or nil
local v = account(KEYS[4])
finish(KEYS[4], v, key, KEYS[6], KEYS[7], KEYS[2], ARGV[2], tonumber(h[2]), tonumber(h[5]), h[3], h[6])
return balance(v, id)
