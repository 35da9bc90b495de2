-- Users who come together: their requests arrived while an earlier call was under way. One call for all of them costs Redis a
-- fraction of a call for each. Follows line.lua and beats.lua.

-- Notes heartbeats of those at these scores.
local function beat_all(scores, second)
  if #scores == 0 then
    return
  end
  local book = load_beats(scores)
  for i = 1, #scores do
    beat(book, scores[i], second)
  end
  save_beats(book)
  redis.call('HINCRBY', CONTROL, 'beats', #scores)
end

-- Where each of some users stands, false for who stands nowhere: the same as `stand` for one after the other.
local function stand_all(users, micros, session_millis)
  local standings, found = {}, {}
  local scores = redis.call('ZMSCORE', LINE, unpack(users))
  local waiting = redis.call('ZCARD', LINE)
  local measured = redis.call('HGET', CONTROL, 'measured') or ''
  for i = 1, #users do
    if scores[i] then
      local score = tonumber(scores[i])
      found[#found + 1] = score
      standings[i] = { 'WAITING', score, redis.call('ZRANK', LINE, users[i]) + 1, waiting, measured, micros }
    else
      standings[i] = stand_admitted(users[i], micros, session_millis) or false
    end
  end
  beat_all(found, seconds(micros))
  return standings
end
