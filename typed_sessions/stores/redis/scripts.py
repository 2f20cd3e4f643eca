"""What runs inside Redis, in one go each: nobody else sees or changes anything meanwhile.

Revisions have more digits than Lua's numbers keep for sure, so they are compared as text.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Script:
    """A script and the name by which Redis remembers it."""

    text: bytes
    digest: bytes = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", hashlib.sha1(self.text, usedforsecurity=False).hexdigest().encode())


SAVE: Final = Script(b"""
local grace = tonumber(ARGV[2])

local function is_time(text)
  return #text <= 18 and tonumber(text)
end

local function revision_in(value)
  local revision, updated, expires, owner =
    string.match(value, '^(%-?%d+):%d+:%d+:%-?%d+:(%-?%d+):(%-?%d*):(%-?%d*):')
  if revision and is_time(updated) and (expires == '-' or is_time(expires)) and owner ~= '' then
    return revision
  end
end

local function found(seen, key)
  local revision = seen[key]
  if revision == nil then
    local head = redis.pcall('GETRANGE', KEYS[key], 0, 255)
    if head == '' then
      revision = false
    else
      revision = type(head) == 'string' and revision_in(head) or 'X'
    end
    seen[key] = revision
  end
  return revision
end

local function judged(seen, kind, key, expected, other)
  local revision = found(seen, key)
  if revision == 'X' then
    return 'X'
  elseif kind == 'I' then
    if revision then return 'C' end
    seen[key] = revision_in(ARGV[other])
    return 'S'
  elseif kind == 'D' and expected == '-' then
    seen[key] = false
    return 'S'
  elseif not revision then
    return 'G'
  elseif revision ~= expected then
    return 'C'
  elseif kind == 'U' then
    seen[key] = revision_in(ARGV[other])
  elseif kind == 'D' then
    seen[key] = false
  elseif kind == 'M' then
    local there = found(seen, other)
    if there then return there == 'X' and 'X' or 'C' end
    seen[other], seen[key] = revision, false
  end
  return 'S'
end

local function touch(name, expires)
  local head, updated, old, rest =
    string.match(redis.call('GET', name), '^(%-?%d+:%d+:%d+:%-?%d+:(%-?%d+):)([^:]+)(:.*)$')
  local left = redis.call('PTTL', name)
  local value = head .. expires .. rest
  if expires == '-' then
    redis.call('SET', name, value)
    return
  end
  local life = (expires - updated) / 1000 + grace
  if old ~= '-' and left > 0 then
    life = left + (expires - old) / 1000
  end
  redis.call('SET', name, value, 'PX', string.format('%.0f', math.max(life, grace, 1)))
end

local function make(kind, key, other, life)
  local name = KEYS[key]
  if kind == 'I' or kind == 'U' then
    if life == '-' then
      redis.call('SET', name, ARGV[other])
    else
      redis.call('SET', name, ARGV[other], 'PX', life)
    end
  elseif kind == 'T' then
    touch(name, life)
  elseif kind == 'M' then
    redis.call('RENAME', name, KEYS[other])
  else
    redis.call('DEL', name)
  end
end

local said = {}
for unit in string.gmatch(ARGV[1], '[^;]+') do
  local seen, changes, all = {}, {}, true
  for kind, key, expected, other, life in string.gmatch(unit, '(%a) (%d+) (%S+) (%d+) ([%d-]+)') do
    key, other = tonumber(key), tonumber(other)
    local outcome = judged(seen, kind, key, expected, other)
    said[#said + 1] = outcome
    all = all and outcome == 'S'
    changes[#changes + 1] = {kind, key, other, life}
  end
  if all then
    for _, change in ipairs(changes) do make(unpack(change)) end
  end
end
return table.concat(said)
""")
"""Makes the changes of each unit, or none of that unit, and says a letter for each change.

ARGV: the units, as `saving` writes them, the milliseconds of grace, then the values. S: saved, C: conflict, G: gone,
X: there is something that is no session; that is looked at closely, for what fails halfway is not undone. A TTL is
shifted by as much as the expiry, so that no clock is asked.
Redis refuses a script that may not write (no memory, a replica, a disk that is full) at its first write, not later.
"""

PRUNE: Final = Script(b"""
local now, limit, deleted = tonumber(ARGV[1]), tonumber(ARGV[2]), 0
for _, name in ipairs(KEYS) do
  if deleted == limit then break end
  local head = redis.pcall('GETRANGE', name, 0, 255)
  local expires = type(head) == 'string' and
    string.match(head, '^%-?%d+:%d+:%d+:%-?%d+:%-?%d+:(%-?%d+):')
  if expires and tonumber(expires) <= now then
    deleted = deleted + redis.call('DEL', name)
  end
end
return deleted
""")
"""Deletes those of KEYS that expired by ARGV[1], at most ARGV[2] of them, and says how many."""

HOLD: Final = Script(b"""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '' then return redis.call('DEL', KEYS[1]) end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
""")
"""If a lock holds ARGV[1], lets it hold ARGV[2] for ARGV[3] milliseconds; if that is empty, frees it. Says whether."""

PROBE: Final = Script(b"""
local commands = {{'GET'}, {'GETRANGE', 0, 0}, {'PTTL'}, {'SET', '', 'XX'}, {'RENAME', KEYS[1]}, {'DEL'}}
for _, command in ipairs(commands) do
  local reply = redis.pcall(command[1], KEYS[1], unpack(command, 2))
  local problem = type(reply) == 'table' and reply.err or ''
  if string.find(problem, 'no permission') or string.find(problem, "can't run") or string.find(problem, 'nknown') then
    return command[1]
  end
end
return ''
""")
"""The first command that the other scripts may not run, or nothing. KEYS[1] is not there, and is not made."""
