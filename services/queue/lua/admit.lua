-- One tick of admission. Any replica may run it at any time: the bucket in it makes the sum of all ticks obey rate and cap.
-- ARGV: rate per second, burst, tokens of a new bucket, places at most, 1 if paused, unsold seats (-1: unknown), number of
-- sales known when these were counted, grace in microseconds, claim time in ms, admissions at most, evictions at most,
-- then a grant id and a token for each admission, then, if it matters, the life of this memory that the caller knows.
-- → {waiting, active, admitted, evicted, expired, returned, 1 if the unsold count is out of date, sales}
local rate, burst, initial, max_active = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local paused, unsold, sales_known = ARGV[5] == '1', tonumber(ARGV[6]), tonumber(ARGV[7])
local grace, claim_millis = tonumber(ARGV[8]), tonumber(ARGV[9])
local max_admissions, max_evictions = tonumber(ARGV[10]), tonumber(ARGV[11])
local FIRST_GRANT = 12
local known_life = #ARGV % 2 == 0 and ARGV[#ARGV]

local STALL = 5000000
local PACE_SLICE, PACE_SLICES = 10, 6
-- A line that is ticked no more is forgotten after a week.
local IDLE_SECONDS = 604800
-- Heartbeats looked at by one tick's sweep: about half a millisecond of work. A tick that admits many looks at fewer.
local SWEEP_RECORDS, SWEEP_RECORDS_LEAST, SWEEP_RECORDS_PER_ADMISSION = 1500, 300, 3
-- Below so many heartbeats in a window their number says nothing.
local FEW_BEATS = 20
-- After so many windows without any, a fifth of the grace, nobody comes through, for who waits polls more often. After so many,
-- an hour at the usual grace, nobody is going to come back.
local QUIET_WINDOWS, DESERTED_WINDOWS = 3, 360

local t = now()

-- Who runs a tick has asked before whether Redis lost places. Redis may have lost them between the question and now, and then
-- it is empty of those who should be first, and of those who count against the cap. So this memory has a name, which is lost
-- with it: nothing is done for a caller that knows another one, who then asks again.
if known_life then
  local server = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
  local life = redis.call('HGET', CONTROL, 'life')
  if not life or string.sub(life, 1, #server) ~= server then
    life = server .. '-' .. int(t)
    redis.call('HSET', CONTROL, 'life', life)
  end
  if known_life ~= life then
    return redis.error_reply('OTHERLIFE ' .. life)
  end
end

local control = redis.call('HMGET', CONTROL,
  'tokens', 'ticked', 'grace', 'beats', 'beats_at', 'beats_ref', 'busy', 'sweep', 'sales', 'quiet')
local tokens, ticked = tonumber(control[1] or initial), tonumber(control[2] or t)
local grace_from, sales = tonumber(control[3] or 0), tonumber(control[9] or 0)
local elapsed = math.max(0, t - ticked)
local evicted, expired, returned = 0, 0, 0

-- Silence is held against a waiter only while we were there to be heard. A pause of the ticks, or heartbeats that fall to
-- less than half at once, is an outage of ours, and the grace begins anew.
if elapsed > STALL then
  grace_from = t
end
local beats, beats_at, usual = tonumber(control[4] or 0), tonumber(control[5] or t), tonumber(control[6] or 0)
local quiet = tonumber(control[10] or 0)
if t - beats_at >= grace / 15 then
  if usual >= FEW_BEATS and beats * 2 < usual then
    grace_from = t
    -- Total silence is an outage as long as it lasts; less than half, kept up, becomes the usual in time.
    if beats > 0 then
      usual = usual * 0.95
    end
  else
    usual = math.max(beats, usual * 0.95)
  end
  quiet = beats > 0 and 0 or quiet + 1
  beats, beats_at = 0, t
end
-- While nobody of many is heard, nobody is admitted, because nobody could claim it, and no offer that ends counts as missed.
local unheard = usual >= FEW_BEATS and beats == 0 and quiet >= QUIET_WINDOWS and quiet < DESERTED_WINDOWS
local halted = paused or unheard
local silent_before = seconds(t - grace)
if seconds(grace_from) >= silent_before then
  -- Nobody has been listened to for long enough to be called silent.
  silent_before = 0
end

-- Notes that a waiter was passed over; the caller takes the place away.
local function evict(user)
  redis.call('SREM', RETURNED, user)
  gone(user, 'EVICTED', t)
  evicted = evicted + 1
end

-- Grants that ended. One never claimed goes back once, at its old score; as often as it ends while nobody is heard.
for _, user in ipairs(redis.call('ZRANGEBYSCORE', ACTIVE, '-inf', math.floor(t / 1000), 'LIMIT', 0, max_admissions)) do
  local grant = read_grant(user)
  if grant and grant.state == 'C' and (unheard or redis.call('SISMEMBER', RETURNED, user) == 0) then
    drop_grant(user)
    if not unheard then
      redis.call('SADD', RETURNED, user)
    end
    redis.call('ZADD', LINE, grant.score, user)
    touch(grant.score, grant.seen)
    returned = returned + 1
  else
    drop_grant(user)
    gone(user, 'EXPIRED', t)
    expired = expired + 1
  end
end

-- The budget: rate, cap and unsold seats, whichever is least.
tokens = paused and 0 or math.min(burst, tokens + elapsed * rate / 1000000)
local active = redis.call('ZCARD', ACTIVE)
-- A sale since the seats were counted ends a place and takes seats at once; the old count would admit one too many.
local stale = unsold >= 0 and sales ~= sales_known
local room = 0
if not halted and not stale and unsold >= 0 then
  room = math.min(math.floor(tokens), max_active - active, unsold - active, max_admissions,
    math.floor((#ARGV - FIRST_GRANT + 1) / 2))
end

-- From the front: who kept polling is admitted, who fell silent is passed over. Nobody is overtaken who is there. Those
-- passed over leave room, so the front is looked at again until the budget is spent.
local admitted = 0
local expires = int(math.floor(t / 1000) + claim_millis)
while admitted < room and evicted < max_evictions do
  local front = redis.call('ZRANGE', LINE, 0, room - admitted - 1, 'WITHSCORES')
  if #front == 0 then
    break
  end
  local scores = {}
  for i = 1, #front / 2 do
    scores[i] = tonumber(front[2 * i])
  end
  local book = load_beats(scores)
  local grants, expiries, count, taken = {}, {}, 0, 0
  for i = 1, #scores do
    local user, score = front[2 * i - 1], scores[i]
    local seen, at = last_seen(book, score)
    if seen >= silent_before then
      local argument = FIRST_GRANT + 2 * admitted
      grants[count + 1] = user
      grants[count + 2] = grant_text(ARGV[argument], ARGV[argument + 1], front[2 * i], 'C', expires, seen)
      expiries[count + 1] = expires
      expiries[count + 2] = user
      count = count + 2
      admitted = admitted + 1
    elseif evicted < max_evictions then
      evict(user)
    else
      break
    end
    strike(book, score, at)
    taken = i
  end
  save_beats(book)
  -- Admitted or passed over, they all stood in front of who stays.
  redis.call('ZREMRANGEBYRANK', LINE, 0, taken - 1)
  if count > 0 then
    redis.call('HSET', GRANTS, unpack(grants))
    redis.call('ZADD', ACTIVE, unpack(expiries))
  end
end
tokens = tokens - admitted

-- The silent ones further back, some of the heartbeats at each tick: their places are somebody else's.
local sweep_records = math.max(SWEEP_RECORDS_LEAST, SWEEP_RECORDS - SWEEP_RECORDS_PER_ADMISSION * admitted)
local per_field = redis.call('ZCARD', LINE) / math.max(1, redis.call('HLEN', BEATS))
local sweep_fields = math.ceil(sweep_records / math.max(1, per_field))
local page = redis.call('HSCAN', BEATS, control[8] or '0', 'COUNT', sweep_fields)
local base = math.floor(t / TWO_48) * TWO_48
local silent_scores = {}
for i = 2, #page[2], 2 do
  local records = page[2][i]
  for at = 1, #records, RECORD do
    if evicted == max_evictions then
      break
    end
    local id, seen = struct.unpack('>I6I4', records, at)
    if seen < silent_before then
      -- The record holds the score's low 48 bits, nine years; the score is the one next to the clock, which may have been set
      -- back since.
      local score = base + id
      if score > t + TWO_48 / 2 then
        score = score - TWO_48
      elseif score < t - TWO_48 / 2 then
        score = score + TWO_48
      end
      local user = redis.call('ZRANGEBYSCORE', LINE, score, score)[1]
      if user then
        redis.call('ZREM', LINE, user)
        evict(user)
      end
      silent_scores[#silent_scores + 1] = score
    end
  end
end

forget(silent_scores)

-- How fast the line really moves, over the last minute, counting only time in which somebody waited
-- and the line was not halted.
local waiting = redis.call('ZCARD', LINE)
local slice = math.floor(seconds(t) / PACE_SLICE)
local measured = ''
local pace_admitted, pace_busy = 0, 0
local pace = redis.call('HGETALL', PACE)
local current_admitted, current_busy = 0, 0
for i = 1, #pace, 2 do
  local number = tonumber(pace[i])
  local slice_admitted, slice_busy = string.match(pace[i + 1], '^(%d+):(%d+)$')
  if number <= slice - PACE_SLICES then
    redis.call('HDEL', PACE, pace[i])
  else
    pace_admitted, pace_busy = pace_admitted + slice_admitted, pace_busy + slice_busy
    if number == slice then
      current_admitted, current_busy = tonumber(slice_admitted), tonumber(slice_busy)
    end
  end
end
if control[7] == '1' and not halted and elapsed <= STALL then
  pace_admitted, pace_busy = pace_admitted + admitted, pace_busy + elapsed
  redis.call('HSET', PACE, slice, int(current_admitted + admitted) .. ':' .. int(current_busy + elapsed))
  redis.call('EXPIRE', PACE, PACE_SLICE * PACE_SLICES * 2)
end
if pace_busy >= STALL then
  -- In thousandths of an admission per second.
  measured = int(pace_admitted * 1000000000 / pace_busy)
elseif waiting > 0 and not paused and unsold >= 0 and math.min(max_active, unsold) <= redis.call('ZCARD', ACTIVE) then
  -- Every place is taken, and nothing was measured that would tell when one falls free.
  measured = '0'
end

redis.call('ZREMRANGEBYSCORE', GONE, '-inf', (seconds(t) - REASON_KEPT_SECONDS) * 8)
redis.call('HSET', CONTROL,
  'tokens', tokens, 'ticked', t, 'grace', grace_from, 'beats', beats,
  'beats_at', beats_at, 'beats_ref', usual, 'quiet', quiet, 'busy', waiting > 0 and '1' or '0',
  'sweep', page[1], 'measured', measured)
redis.call('EXPIRE', CONTROL, IDLE_SECONDS)
for field, count in pairs({ admitted = admitted, evicted = evicted, expired = expired }) do
  if count > 0 then
    redis.call('HINCRBY', CONTROL, field, count)
  end
end
return { waiting, redis.call('ZCARD', ACTIVE), admitted, evicted, expired, returned, stale and 1 or 0, sales }
