-- Append an event that moves no balance: what is sent again, `left`, `gone`, `drained`. Asks for no epoch.
-- KEYS  1 log     ARGV  1 op  2 kind  3 n  4 event     ->  event_id
return redis.call('XADD', KEYS[1], '*', 'op', ARGV[1], 'kind', ARGV[2], 'n', ARGV[3], 'e', ARGV[4])
