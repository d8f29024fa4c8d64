-- Say that a gateway lives. A script only because a full memory must not make living gateways look dead.
-- KEYS  1 lease     ARGV  1 for how long, ms     ->  OK
return redis.call('SET', KEYS[1], '1', 'PX', ARGV[1])
