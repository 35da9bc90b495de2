-- Heartbeats of many people at once, for the scripts that concern many. Follows line.lua.

-- The heartbeats at these scores, to be read and changed in Lua and written back with `save_beats`: all fields come in one
-- command and go in two, because a script for hundreds holds Redis up for as long as it takes.
local function load_beats(scores)
  local names, fields, records, count = {}, {}, {}, 0
  for i = 1, #scores do
    local field = beat_field(scores[i])
    if not records[field] then
      count = count + 1
      records[field] = ''
      fields[count] = field
      -- As text once: each time a number becomes an argument of a command, it is printed anew.
      names[count] = tostring(field)
    end
  end
  if count > 0 then
    local texts = redis.call('HMGET', BEATS, unpack(names))
    for i = 1, count do
      records[fields[i]] = texts[i] or ''
    end
  end
  return { names = names, fields = fields, records = records, changed = {} }
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

-- Takes out what `last_seen` found, if it did.
local function strike(book, score, at)
  if at then
    local field = beat_field(score)
    local records = book.records[field]
    book.records[field] = string.sub(records, 1, at - 1) .. string.sub(records, at + RECORD)
    book.changed[field] = true
  end
end

-- Notes that the person at `score` was there at `second`, as `touch` does for one.
local function beat(book, score, second)
  local field, id = beat_field(score), beat_id(score)
  local records, record = book.records[field], id .. struct.pack('>I4', second)
  local at = find_record(records, id)
  if at then
    book.records[field] = string.sub(records, 1, at - 1) .. record .. string.sub(records, at + RECORD)
  else
    book.records[field] = records .. record
  end
  book.changed[field] = true
end

local function save_beats(book)
  local kept, empty = {}, {}
  for i, field in ipairs(book.fields) do
    if book.changed[field] then
      local records = book.records[field]
      if records == '' then
        empty[#empty + 1] = book.names[i]
      else
        kept[#kept + 1] = book.names[i]
        kept[#kept + 1] = records
      end
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
    local _, at = last_seen(book, score)
    strike(book, score, at)
  end
  save_beats(book)
end
