-- Generic cell rate algorithm on Redis' own clock: one key per subject, so replicas agree and the script is slot-safe.
--
-- The key holds the theoretical arrival time (TAT) in microseconds: when the bucket is empty again. A request moves it on by
-- one emission interval, and is refused if that would put it further ahead than the burst allows; a refused request moves
-- nothing, so hammering does not prolong the wait.
--
-- KEYS[1]  the limit's key
-- ARGV[1]  emission interval in microseconds (window / limit)
-- ARGV[2]  how far ahead the TAT may lie, in microseconds (interval * burst)
--
-- Returns {allowed 0|1, requests left, microseconds until the bucket is empty, microseconds to wait if refused}.

local interval = tonumber(ARGV[1])
local tolerance = tonumber(ARGV[2])

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])

local tat = tonumber(redis.call('GET', KEYS[1]) or now)
-- After a failover to a server whose clock is behind, an old TAT must not lock anyone out for longer than a full bucket.
tat = math.min(math.max(tat, now), now + tolerance)

local next_tat = tat + interval
local ahead = next_tat - now
if ahead > tolerance then
  return {0, 0, tat - now, ahead - tolerance}
end

-- Lua prints large numbers in scientific notation, which would lose the microseconds.
redis.call('SET', KEYS[1], string.format('%.0f', next_tat), 'PX', math.ceil(ahead / 1000))
return {1, math.floor((tolerance - ahead) / interval), ahead, 0}
