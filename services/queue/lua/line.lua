-- The head of every script about one event's line: the names of its keys and the few things that several scripts do.
-- KEYS are always the same eight, in this order, all in the event's slot; src/waiting_line/keys.rs documents them.
local LINE, BEATS, GRANTS, ACTIVE, RETURNED, GONE, CONTROL, PACE = unpack(KEYS)

-- Heartbeats share this many hash fields. A record is ten bytes, so a field stays small enough to rewrite at each poll
-- (30 bytes at 50,000 waiting, 300 at ten times as many), while a field per person would cost twice the memory.
local BEAT_FIELDS = 16384
local RECORD = 10
local TWO_48 = 281474976710656

local REASONS = { EVICTED = 1, EXPIRED = 2, LEFT = 3 }
local REASON_NAMES = { 'EVICTED', 'EXPIRED', 'LEFT' }
local REASON_KEPT_SECONDS = 600
-- A line whose event has ended keeps its counters for the statistics of another day.
local CLOSED_SECONDS = 86400

-- Microseconds since 1970 on Redis' clock, the only one the line knows.
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end

-- Concatenated, a number of this size would read 1.79e+15. As an argument of redis.call it keeps all its digits.
local function int(number)
  return string.format('%.0f', number)
end

local function seconds(micros)
  return math.floor(micros / 1000000)
end

-- Heartbeats are kept by score, not by user: scores are unique and shorter. Who came within the same half millisecond shares
-- a field, so that of a rush those admitted together have few fields between them.
local function beat_field(score)
  return math.floor(score / 512) % BEAT_FIELDS
end

local function beat_id(score)
  return struct.pack('>I6', score % TWO_48)
end

-- Where the record of `id` begins in a field's records. A match across two records is none.
local function find_record(records, id)
  local from = 1
  while true do
    local at = string.find(records, id, from, true)
    if not at or (at - 1) % RECORD == 0 then
      return at
    end
    from = at + 1
  end
end

-- Notes that the person at `score` was there at `second`.
local function touch(score, second)
  local field, id = beat_field(score), beat_id(score)
  local records = redis.call('HGET', BEATS, field) or ''
  local record = id .. struct.pack('>I4', second)
  local at = find_record(records, id)
  if at then
    records = string.sub(records, 1, at - 1) .. record .. string.sub(records, at + RECORD)
  else
    records = records .. record
  end
  redis.call('HSET', BEATS, field, records)
end

-- A grant is text: id|token|score|state|expiry in ms|second last seen. State C (claimable) or A (active).
local function read_grant(user)
  local text = redis.call('HGET', GRANTS, user)
  if not text then
    return nil
  end
  local id, token, score, state, expires, seen = string.match(text, '^([^|]+)|([^|]+)|(%d+)|(%u)|(%d+)|(%d+)$')
  return {
    id = id, token = token, score = tonumber(score), state = state, expires = tonumber(expires), seen = tonumber(seen),
  }
end

-- `score` and `expires` are texts already where many grants are written at once.
local function grant_text(id, token, score, state, expires, seen)
  return id .. '|' .. token .. '|' .. score .. '|' .. state .. '|' .. expires .. '|' .. seen
end

-- Writes a grant, and its expiry into the set whose size is the number of places taken.
local function write_grant(user, grant)
  redis.call('HSET', GRANTS, user,
    grant_text(grant.id, grant.token, int(grant.score), grant.state, int(grant.expires), int(grant.seen)))
  redis.call('ZADD', ACTIVE, grant.expires, user)
end

local function drop_grant(user)
  redis.call('HDEL', GRANTS, user)
  redis.call('ZREM', ACTIVE, user)
  redis.call('SREM', RETURNED, user)
end

-- Remembers for a while why a user is no longer there.
local function gone(user, reason, micros)
  redis.call('ZADD', GONE, seconds(micros) * 8 + REASONS[reason], user)
  redis.call('EXPIRE', GONE, REASON_KEPT_SECONDS)
end

-- Why a user is not there, or an empty text if that is unknown or long ago.
local function reason_for(user, micros)
  local score = tonumber(redis.call('ZSCORE', GONE, user) or 0)
  if math.floor(score / 8) + REASON_KEPT_SECONDS > seconds(micros) then
    return REASON_NAMES[score % 8] or ''
  end
  local closed = tonumber(redis.call('HGET', CONTROL, 'closed') or 0)
  if closed + REASON_KEPT_SECONDS > seconds(micros) then
    return 'CLOSED'
  end
  return ''
end

-- Where a user stands who does not wait; nil if nowhere. Being asked for claims the grant of who was admitted.
local function stand_admitted(user, micros, session_millis)
  local grant = read_grant(user)
  if not grant then
    return nil
  end
  local millis = math.floor(micros / 1000)
  if grant.state == 'C' then
    grant.state = 'A'
    grant.expires = millis + session_millis
    write_grant(user, grant)
    redis.call('SREM', RETURNED, user)
  elseif grant.expires <= millis then
    -- The next tick would find it; who asks in between must not be told otherwise.
    drop_grant(user)
    gone(user, 'EXPIRED', micros)
    redis.call('HINCRBY', CONTROL, 'expired', 1)
    return nil
  end
  return { 'ADMITTED', grant.score, grant.id, grant.token, grant.expires, redis.call('ZCARD', LINE), micros }
end

-- Where a user stands; nil if nowhere. Being asked for is what keeps a place: for who waits it is a heartbeat.
local function stand(user, micros, session_millis)
  local score = redis.call('ZSCORE', LINE, user)
  if not score then
    return stand_admitted(user, micros, session_millis)
  end
  score = tonumber(score)
  touch(score, seconds(micros))
  redis.call('HINCRBY', CONTROL, 'beats', 1)
  return {
    'WAITING', score, redis.call('ZRANK', LINE, user) + 1, redis.call('ZCARD', LINE),
    redis.call('HGET', CONTROL, 'measured') or '', micros,
  }
end

