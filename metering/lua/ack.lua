-- Tell a gateway which of its calls are in the books; for a day, since a dead one never asks.
-- KEYS  1 acks of the gateway     ARGV  1.. ops     ->  how many wait
for _, op in ipairs(ARGV) do redis.call('RPUSH', KEYS[1], op) end
redis.call('PEXPIRE', KEYS[1], 86400000)
return redis.call('LLEN', KEYS[1])
