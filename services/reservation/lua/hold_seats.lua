-- Takes all the seats for one reservation, or none.
--
-- KEYS[1]    index of the concert's holds: sorted set of seat id by expiry in ms
-- KEYS[2..]  one hold per seat, its value "<user id>:<reservation id>"
-- ARGV[1]    user id
-- ARGV[2]    reservation id
-- ARGV[3]    how long the hold lasts, in ms
-- ARGV[4..]  the seat ids, in the order of KEYS[2..]
--
-- Returns {0, reused} when every seat was free or held by the same user already; `reused` counts the latter. Those stay
-- as they are: the database has not decided yet whether they change hands, and a release of this reservation must not end
-- what the other one holds. Returns {1, n, …} with the positions (from 1) of the seats that others hold, having changed
-- nothing.
local user = ARGV[1]
local reservation = ARGV[2]
local ttl = tonumber(ARGV[3])

local free = {}
local taken = {}
local reused = 0
for i = 2, #KEYS do
    local holder = redis.call('GET', KEYS[i])
    if not holder then
        free[#free + 1] = i
    elseif string.sub(holder, 1, #user) == user then
        reused = reused + 1
    else
        taken[#taken + 1] = i - 1
    end
end
if #taken > 0 then
    return { 1, unpack(taken) }
end

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
for _, i in ipairs(free) do
    redis.call('SET', KEYS[i], user .. ':' .. reservation, 'PX', ttl)
    redis.call('ZADD', KEYS[1], now + ttl, ARGV[i + 2])
end
-- The index must outlive its last hold, and vanish after it.
if #free > 0 and redis.call('PTTL', KEYS[1]) < ttl then
    redis.call('PEXPIRE', KEYS[1], ttl)
end
return { 0, reused }
