-- Open epoch n in the data set that holds its ticket, and in no other; the ticket is used up by it.
-- KEYS  1 epoch  2 log     ARGV  1 n  2 ticket     ->  OK | NO
local here = replid()
local at = redis.call('HMGET', KEYS[1], 'n', 'fence', 'ticket')
if at[1] == ARGV[1] and at[2] == here then return {'OK'} end
if at[3] ~= ARGV[2] or string.sub(ARGV[2], -#here) ~= here then return {'NO'} end
redis.call('XADD', KEYS[2], '*', 'op', '', 'kind', 'opened', 'n', ARGV[1], 'e', '{}')
redis.call('HSET', KEYS[1], 'n', ARGV[1], 'fence', here)
redis.call('HDEL', KEYS[1], 'ticket')
return {'OK'}
