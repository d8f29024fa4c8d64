-- Ask for an epoch: a vacant data set, or one whose epoch the books do not know as current, holds a ticket.
-- The ticket of this very data set is kept unless it was used already, so that many may ask at once.
-- KEYS  1 epoch     ARGV  1 nonce  2 used ticket or ''  3 the stale n, or ''     ->  TICKET t | LIVING n
local here = replid()
local at = redis.call('HMGET', KEYS[1], 'n', 'fence', 'ticket')
if at[1] and at[2] == here and at[1] ~= ARGV[3] then return {'LIVING', at[1]} end
redis.call('HDEL', KEYS[1], 'n', 'fence')
local ticket = at[3]
if not ticket or string.sub(ticket, -#here) ~= here or ticket == ARGV[2] then
  ticket = ARGV[1] .. '@' .. here
  redis.call('HSET', KEYS[1], 'ticket', ticket)
end
return {'TICKET', ticket}
