-- Puts holds back that Redis lost, from what the database says.
--
-- KEYS, ARGV as in hold_seats.lua.
--
-- A seat that anybody else holds by now is left alone, also if it is another reservation of the same user: whoever came
-- after the loss is newer than what the database was asked. The reservation's own hold is only ever prolonged.
local user = ARGV[1]
local reservation = ARGV[2]
local ttl = tonumber(ARGV[3])

local own = user .. ':' .. reservation
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local restored = 0
for i = 2, #KEYS do
    local holder = redis.call('GET', KEYS[i])
    if not holder or (holder == own and redis.call('PTTL', KEYS[i]) < ttl) then
        redis.call('SET', KEYS[i], own, 'PX', ttl)
        redis.call('ZADD', KEYS[1], now + ttl, ARGV[i + 2])
        restored = restored + 1
    end
end
if restored > 0 and redis.call('PTTL', KEYS[1]) < ttl then
    redis.call('PEXPIRE', KEYS[1], ttl)
end
return restored
