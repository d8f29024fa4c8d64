-- End a hold at its charge, and tell the books in the same step: the event first, then the balance.
-- A hold that is not open in a living epoch is settled LATE: the event is news, no balance is touched. So is one
-- that ended without a charge, if there is one after all, and one that another gateway has taken over: the first
-- one's end is not the last word on a call that is made again. And where the one that took it over has nothing
-- to charge, the hold ends as swept: at what the first one had given.
-- KEYS  1 epoch  2 hold  3 log  4 voucher  5 key  6 key's request tokens  7 open ops of the gateway
-- ARGV  1 n  2 op  3 charge  4 tokens  5 event  6 gateway
-- ->    OK event_id spent held limit granted_gov granted_self before frozen | LATE event_id
local wrong = not_amounts(ARGV[3], ARGV[4])
if wrong then return wrong end
local h = redis.call('HMGET', KEYS[2], 's', 'a', 'd', 'k', 'id', 'late', 'c', 'g', 'f0', 'fo0', 'm0', 'v', 't')
local charged = tonumber(ARGV[3]) > 0
local news = charged and h[7] == '0'
if h[6] and not news then return {'LATE', h[6]} end
if h[1] == 'settled' and not news then return balance(account(KEYS[4]), h[5]) end
local refusal = fence(ARGV[1])
local v = account(KEYS[4])
local foreign = h[1] == 'open' and h[8] ~= ARGV[6]
local given = not refusal and h[1] == 'open' and not foreign and not charged and h[9]
if given then
  local swept = redis.call('XADD', KEYS[3], '*', 'op', ARGV[2], 'kind', 'swept', 'n', ARGV[1],
    'charge', given, 'out', h[10], 'v', h[12], 't', h[13], 'e', h[11])
  redis.call('HSET', KEYS[2], 's', 'swept', 'id', swept, 'c', given)
  local key = h[4] ~= '' and KEYS[5] or nil
  finish(KEYS[4], v, key, KEYS[6], KEYS[7], KEYS[2], ARGV[2], tonumber(h[2]), tonumber(given), h[3], h[10])
  h[1] = 'swept'
end
local entry = {'op', ARGV[2], 'kind', 'settled', 'n', ARGV[1], 'charge', ARGV[3], 'e', ARGV[5]}
local late = refusal or foreign or h[1] ~= 'open'
if late then
  entry[#entry + 1] = 'late'
  entry[#entry + 1] = '1'
elseif tonumber(ARGV[3]) > tonumber(h[2]) then
  -- Beyond its hold: the books must not take the rest from the holds of others.
  entry[#entry + 1] = 'taken'
  entry[#entry + 1] = text(payable(v, tonumber(h[2]), tonumber(ARGV[3])) or 0)
end
local id = redis.call('XADD', KEYS[3], '*', unpack(entry))
if late then
  if foreign or not refusal and not charged and h[9] then return {'LATE', id} end
  if h[1] then redis.call('HSET', KEYS[2], 'late', id, 'c', ARGV[3]) end
  if h[1] == 'open' then
    -- Its epoch is over: the books know the call's end, so nobody has to sweep it, nor to keep it for long.
    redis.call('SREM', KEYS[7], ARGV[2])
    redis.call('PEXPIRE', KEYS[2], 3600000)
  end
  return {'LATE', id}
end
redis.call('HSET', KEYS[2], 's', 'settled', 'id', id, 'c', ARGV[3])
local key = h[4] ~= '' and KEYS[5] or nil
if charged then learn(v, tonumber(ARGV[3])) end
finish(KEYS[4], v, key, KEYS[6], KEYS[7], KEYS[2], ARGV[2], tonumber(h[2]), tonumber(ARGV[3]), h[3], ARGV[4])
return balance(v, id)
