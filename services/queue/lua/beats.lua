-- Heartbeats of many people at once, for the scripts that take people out of the line. Follows line.lua.

-- The heartbeats at these scores, to be read and struck in Lua and written back with `save_beats`: all fields come in one
-- command and go in two, because an admission of hundreds holds Redis up for as long as it takes.
local function load_beats(scores)
  local book = { names = {}, records = {}, changed = {} }
  for _, score in ipairs(scores) do
    local field = beat_field(score)
    if book.records[field] == nil then
      book.names[#book.names + 1] = field
      book.records[field] = ''
    end
  end
  if #book.names > 0 then
    for i, records in ipairs(redis.call('HMGET', BEATS, unpack(book.names))) do
      book.records[book.names[i]] = records or ''
    end
  end
  return book
end

-- The second at which the person at `score` was last seen, 0 if unknown, and where that is written.
local function last_seen(book, score)
  local records = book.records[beat_field(score)]
  local at = find_record(records, beat_id(score))
  if not at then
    return 0, nil
  end
  return struct.unpack('>I4', records, at + 6), at
end

local function strike(book, score)
  local _, at = last_seen(book, score)
  if at then
    local field = beat_field(score)
    local records = book.records[field]
    book.records[field] = string.sub(records, 1, at - 1) .. string.sub(records, at + RECORD)
    book.changed[field] = true
  end
end

local function save_beats(book)
  local kept, empty = {}, {}
  for field in pairs(book.changed) do
    if book.records[field] == '' then
      empty[#empty + 1] = field
    else
      kept[#kept + 1] = field
      kept[#kept + 1] = book.records[field]
    end
  end
  if #kept > 0 then
    redis.call('HSET', BEATS, unpack(kept))
  end
  if #empty > 0 then
    redis.call('HDEL', BEATS, unpack(empty))
  end
end

local function forget(scores)
  local book = load_beats(scores)
  for _, score in ipairs(scores) do
    strike(book, score)
  end
  save_beats(book)
end
