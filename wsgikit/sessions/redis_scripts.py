"""What Redis does in one step: Lua scripts, each of one key, so that a cluster runs them as well.

A session of a user is never missing from their list while it lives, whenever a process dies: it
lives longer only when it is in the list for longer. So ``COMMIT`` and ``TOUCH`` leave the time of
a user's session alone (but for some seconds, for what is to follow), then ``INDEX`` writes the
list, and then ``EXTEND`` lets the session live. The list is pruned by time alone; only of a key
that will not live again is more taken out of it.

A session is a hash. The fields of its values start with ``=``, those of the rest do not. No JSON
text is empty, so an empty one stands for none.
"""

from __future__ import annotations

from typing import Any

CREATE = """
-- ARGV: ttl in ms, then field, text, field, text ...
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
for at = 2, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
"""
"""Returns 1, or 0 when there is one already."""

_LIVE = """
local function live(ttl)
    local user = redis.call('HGET', KEYS[1], 'user_id')
    if user then ttl = math.max(redis.call('PTTL', KEYS[1]), math.min(tonumber(ttl), 10000)) end
    redis.call('PEXPIRE', KEYS[1], ttl)
    return user
end
"""

COMMIT = (
    _LIVE
    + """
-- ARGV: expected version, ttl in ms, now, '1' with an owner, user id, address, user agent,
-- then for each change: field, base, text, on_conflict
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
if redis.call('HEXISTS', KEYS[1], 'successor') == 1 then return redis.call('HGETALL', KEYS[1]) end

local skipped = {}
if redis.call('HGET', KEYS[1], 'version') ~= ARGV[1] then
    for at = 8, #ARGV, 4 do
        local current = redis.call('HGET', KEYS[1], ARGV[at]) or ''
        if current ~= ARGV[at + 1] then
            if ARGV[at + 3] == 'raise' then return redis.call('HGETALL', KEYS[1]) end
            skipped[at] = ARGV[at + 3] == 'theirs'
        end
    end
end

for at = 8, #ARGV, 4 do
    if not skipped[at] then
        if ARGV[at + 2] == '' then
            redis.call('HDEL', KEYS[1], ARGV[at])
        else
            redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 2])
        end
    end
end
redis.call('HINCRBY', KEYS[1], 'version', 1)
redis.call('HSET', KEYS[1], 'last_seen', ARGV[3])
if ARGV[4] == '1' then
    redis.call('HSET', KEYS[1], 'user_id', ARGV[5], 'address', ARGV[6], 'user_agent', ARGV[7])
end
return live(ARGV[2])
"""
)
"""Returns the user id or nil when it is done, 0 when the session is gone, else all its fields."""

SUCCEED = """
-- ARGV: expected version, key of the successor, grace in ms
if redis.call('HGET', KEYS[1], 'version') ~= ARGV[1] then return 0 end
if redis.call('HEXISTS', KEYS[1], 'successor') == 1 then return 0 end
redis.call('HSET', KEYS[1], 'successor', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
"""
"""Returns 1, or 0 when the session is gone, was changed or has a successor already."""

TOUCH = (
    _LIVE
    + """
-- ARGV: ttl in ms, now
if redis.call('EXISTS', KEYS[1]) == 0 then return false end
if redis.call('HEXISTS', KEYS[1], 'successor') == 1 then return false end
redis.call('HSET', KEYS[1], 'last_seen', ARGV[2])
return live(ARGV[1])
"""
)
"""Returns the user id, or nil."""

EXTEND = """
-- ARGV: ttl in ms, the user whose list has the session
if redis.call('HGET', KEYS[1], 'user_id') ~= ARGV[2] then return 0 end
if redis.call('HEXISTS', KEYS[1], 'successor') == 1 then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[1])
"""
"""Does nothing when the session has another user by now: whoever gave it one extends it."""

DELETE = """
-- ARGV: expected version, or an empty text
local version = redis.call('HGET', KEYS[1], 'version')
local successor = redis.call('HGET', KEYS[1], 'successor') or ''
local user = redis.call('HGET', KEYS[1], 'user_id')
if version and ARGV[1] ~= '' and (version ~= ARGV[1] or successor ~= '') then return 0 end
redis.call('DEL', KEYS[1])
return {successor, user}
"""
"""Returns the key of the successor, or an empty text, and the user id or nil; 0 when the version
is another one."""

INDEX = """
-- KEYS[1] is the list of a user's sessions, by the time until which each is in it (the margin is
-- for servers whose clocks differ). ARGV: key of a session, ms for which it is in the list
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local listed = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or 0)
redis.call('ZADD', KEYS[1], math.max(listed, now + ARGV[2]), ARGV[1])
redis.call('PEXPIRE', KEYS[1], math.max(redis.call('PTTL', KEYS[1]), ARGV[2]))
return 1
"""

LOCK = """
-- ARGV: token, ttl in ms
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
"""Returns 1, or 0 when another token has it."""

UNLOCK = """
-- ARGV: token
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
"""


class Scripts:
    """The scripts as functions of keys and arguments.

    Each goes by its SHA-1, and is sent whole when the server does not know it.
    """

    def __init__(self, client: Any) -> None:
        self.create = client.register_script(CREATE)
        self.commit = client.register_script(COMMIT)
        self.succeed = client.register_script(SUCCEED)
        self.touch = client.register_script(TOUCH)
        self.extend = client.register_script(EXTEND)
        self.delete = client.register_script(DELETE)
        self.index = client.register_script(INDEX)
        self.lock = client.register_script(LOCK)
        self.unlock = client.register_script(UNLOCK)
