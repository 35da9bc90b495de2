-- Makes the seats the reservation's for the given time, wherever they are free or held by the same user: after a hold that
-- the database accepted on top of an older one, and to prolong or shorten a hold around a payment.
--
-- KEYS, ARGV as in hold_seats.lua.
--
-- Returns how many seats are the reservation's now. A seat that somebody else holds is left to them: Redis only keeps the
-- crowd off, the database decides.
local user = ARGV[1]
local reservation = ARGV[2]
local ttl = tonumber(ARGV[3])

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local kept = 0
for i = 2, #KEYS do
    local holder = redis.call('GET', KEYS[i])
    if not holder or string.sub(holder, 1, #user) == user then
        redis.call('SET', KEYS[i], user .. ':' .. reservation, 'PX', ttl)
        redis.call('ZADD', KEYS[1], now + ttl, ARGV[i + 2])
        kept = kept + 1
    end
end
if kept > 0 and redis.call('PTTL', KEYS[1]) < ttl then
    redis.call('PEXPIRE', KEYS[1], ttl)
end
return kept
