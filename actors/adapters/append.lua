#!lua name=cardkeep

--[[
The atomic steps of the store. Each function looks and writes in one step that nothing comes between,
and a step reaches the append-only file whole or not at all.

Keys. A pool's keys share the hash tag {tenant/sku}, so that they lie together in a cluster.

  ck:{t/s}:meta            hash    epoch, snapshot_seq, snapshot (key of the present one, or absent),
                                   pieces (its length), archived_seq (as of when the archive is). claim,
                                   fold, keep. Never dies.
  ck:{t/s}:journal         stream  one entry per record, oldest first, called epoch-seq by its last event.
                                   append, or the adapter by a plain XADD, adds at the tail; fold cuts at the
                                   head; claim moves the last id to the new epoch, which fences older ones.
  ck:{t/s}:snapshot:S:X    list    a snapshot up to seq S in pieces; X is random, so that two folds never
                                   mix. Pushed by the adapter with an hour to live; fold makes it
                                   permanent, and the next fold unlinks it.
  ck:{t/s}:sealed:B        hash    sealed codes of batch B (engine/stock/sealing.py). append. Never dies.
  ck:{t/s}:keys            hash    batch number -> wrapped data key. append. Never dies.
  ck:{t/s}:prints          hash    fingerprint -> card. append. Never dies.
  ck:{t/s}:archive:K       string  what a pool may forget, some of it with a time to live. keep.

  ck:{t/~s}:...                    the ledger of the supplier t/s has the keys of a pool as far as it needs them, and
  ck:{t/~s}:stash          hash    delivery -> its codes, sealed, until they have entered stock. append; the adapter
                                   drops them.

  ck:{registry}:placement  hash    every pool as "tenant/sku" -> owner id, empty until it is placed. add_pool,
                                   place. Never dies.
  ck:{registry}:version    string  counts the changes of placement. add_pool, place.
  ck:{registry}:changes    zset    every pool by the version of its last change, so that readers ask for what is
                                   new to them. add_pool, place.
  ck:{registry}:seats      hash    owner id -> JSON {incarnation, address, node, pid}. announce, retire.
  ck:{registry}:loads      hash    owner id -> JSON {beat, per_s, pools, hosted}. The adapter.
  ck:{registry}:machines   hash    a machine's address -> JSON of what is wanted of it (engine/ports.py). The adapter.

  ck:{supply}:suppliers    hash    every supplier as "tenant/supplier" -> its profile, credentials sealed in it
                                   (engine/supply/codec.py). enter. Never dies.
  ck:{supply}:sourcings    hash    every SKU that is bought as "tenant/sku" -> how. enter. Never dies.
  ck:{supply}:rates        hash    every rate of exchange as "tenant/from/to/moment/entered" -> it. enter; the adapter
                                   drops those there is no room for.
  ck:{supply}:version      string  counts the changes of these three. enter.

  ck:{store}:touched       string  written to ask replicas for all that was written before. The adapter.

Numbers that count are compared as the decimal strings they are stored as: a Lua number is a double.
]]

-- Arguments of one HSET or HMGET: a Lua call takes fewer than 8,000.
local arguments_max = 4000

-- Seq of the last event of a journal. Its last id tells, whatever was cut off; there is none before the first claim.
local function last_seq(journal)
  local facts = redis.pcall('XINFO', 'STREAM', journal)
  for at = 1, facts.err and 0 or #facts, 2 do
    if facts[at] == 'last-generated-id' then
      return string.match(facts[at + 1], '-(%d+)$')
    end
  end
  return '0'
end

-- Whose a pool is: nobody's, where that cannot be read. Then its owner stops, and no other pool waits for it.
local function epoch_of(meta)
  local epoch = redis.pcall('HGET', meta, 'epoch')
  return type(epoch) == 'string' and epoch or '0'
end

local function history_of(keys)
  local meta = redis.call('HMGET', keys[1], 'snapshot_seq', 'snapshot', 'pieces')
  return {
    tonumber(epoch_of(keys[1])), tonumber(last_seq(keys[2])), tonumber(meta[1] or 0),
    meta[2] or '', tonumber(meta[3] or 0),
  }
end

-- keys: meta, journal. Answers epoch, seq, snapshot_seq, snapshot key, its pieces.
local function look(keys)
  return history_of(keys)
end

-- keys: meta, journal. Answers epoch and seq.
local function position(keys)
  return {tonumber(epoch_of(keys[1])), tonumber(last_seq(keys[2]))}
end

-- keys: meta, journal. Takes the next epoch and answers as look does.
local function claim(keys)
  local id = redis.call('HINCRBY', keys[1], 'epoch', 1) .. '-' .. last_seq(keys[2])
  if redis.call('EXISTS', keys[2]) == 0 then
    redis.call('XDEL', keys[2], redis.call('XADD', keys[2], id, 'r', ''))
  else
    redis.call('XSETID', keys[2], id)
  end
  return history_of(keys)
end

-- keys: meta, journal, then one per attachment.
-- args: epoch, seq before, events, record; then per attachment the number of its arguments and these.
-- Answers epoch and seq afterwards. An older epoch or another seq: nothing is written.
local function append(keys, args)
  local epoch, seq = epoch_of(keys[1]), last_seq(keys[2])
  if epoch ~= args[1] or seq ~= args[2] or args[3] == '0' then
    return {tonumber(epoch), tonumber(seq)}
  end
  -- Below 2^53, which is more events than a journal will see.
  seq = string.format('%.0f', tonumber(seq) + tonumber(args[3]))
  redis.call('XADD', keys[2], epoch .. '-' .. seq, 'r', args[4])
  local at = 5
  for key = 3, #keys do
    local last = at + tonumber(args[at])
    for from = at + 1, last, arguments_max do
      redis.call('HSET', keys[key], unpack(args, from, math.min(from + arguments_max - 1, last)))
    end
    at = last + 1
  end
  return {tonumber(epoch), tonumber(seq)}
end

-- keys: meta, journal, new snapshot, present snapshot (or a key that does not exist).
-- args: snapshot_seq of the history, the first id that is not its own, snapshot_seq of the new snapshot, its pieces,
--       the present snapshot's key as meta holds it.
-- Answers 1, or 0 when another fold came first. The pieces must all be there.
local function fold(keys, args)
  local meta = redis.call('HMGET', keys[1], 'snapshot_seq', 'snapshot')
  if (meta[1] or '0') ~= args[1] or (meta[2] or '') ~= args[5] then
    return 0
  end
  if redis.call('LLEN', keys[3]) ~= tonumber(args[4]) then
    return redis.error_reply('PIECES of the snapshot are missing: it took more than an hour to store')
  end
  redis.call('PERSIST', keys[3])
  redis.call('HSET', keys[1], 'snapshot_seq', args[3], 'snapshot', keys[3], 'pieces', args[4])
  redis.call('XTRIM', keys[2], 'MINID', args[2])
  redis.call('UNLINK', keys[4])
  return 1
end

-- keys: meta, then one per entry. args: seq, milliseconds to live or 0, then one value per entry.
-- Answers 1, or 0 when something of a later seq has been kept; then nothing is.
local function keep(keys, args)
  if tonumber(redis.call('HGET', keys[1], 'archived_seq') or 0) > tonumber(args[1]) then
    return 0
  end
  redis.call('HSET', keys[1], 'archived_seq', args[1])
  for at = 2, #keys do
    if args[2] == '0' then
      redis.call('SET', keys[at], args[at + 1])
    else
      redis.call('SET', keys[at], args[at + 1], 'PX', args[2])
    end
  end
  return 1
end

local function changed(keys, pool)
  local version = redis.call('INCR', keys[2])
  redis.call('ZADD', keys[3], version, pool)
  return version
end

-- keys: placement, version, changes. args: pool. Answers 1, or 0 when it was there.
local function add_pool(keys, args)
  if redis.call('HSETNX', keys[1], args[1], '') == 0 then
    return 0
  end
  changed(keys, args[1])
  return 1
end

-- keys: placement, version, changes. args: pool, owner id, pool, owner id ... Answers the version that says so.
local function place(keys, args)
  local version = tonumber(redis.call('GET', keys[2]) or 0)
  for at = 1, #args, 2 do
    if redis.call('HGET', keys[1], args[at]) ~= args[at + 1] then
      redis.call('HSET', keys[1], args[at], args[at + 1])
      version = changed(keys, args[at])
    end
  end
  return version
end

-- keys: placement, version, changes. args: version. Answers the version, and pool, owner id, pool, owner id ... of
-- what changed after the given one; of everything, when that is 0 or has not been reached.
local function placement(keys, args)
  local version, since = tonumber(redis.call('GET', keys[2]) or 0), tonumber(args[1])
  if since == 0 or since > version then
    return {version, redis.call('HGETALL', keys[1])}
  end
  local pools, fields = redis.call('ZRANGEBYSCORE', keys[3], '(' .. args[1], '+inf'), {}
  for from = 1, #pools, arguments_max do
    local to = math.min(from + arguments_max - 1, #pools)
    for at, owner_id in ipairs(redis.call('HMGET', keys[1], unpack(pools, from, to))) do
      fields[#fields + 1], fields[#fields + 2] = pools[from + at - 1], owner_id
    end
  end
  return {version, fields}
end

local function incarnation_at(seats, owner_id)
  local seat = redis.call('HGET', seats, owner_id)
  return seat and cjson.decode(seat).incarnation
end

-- keys: seats. args: owner id, incarnation, seat. Answers 1, or 0 when a later incarnation has spoken, or another
-- of the same number.
local function announce(keys, args)
  local seated = incarnation_at(keys[1], args[1])
  if seated and seated >= tonumber(args[2]) then
    return redis.call('HGET', keys[1], args[1]) == args[3] and 1 or 0
  end
  redis.call('HSET', keys[1], args[1], args[3])
  return 1
end

-- keys: seats. args: owner id, incarnation. Answers 1, or 0 when another incarnation sits there.
local function retire(keys, args)
  local seated = incarnation_at(keys[1], args[1])
  if seated and seated ~= tonumber(args[2]) then
    return 0
  end
  redis.call('HDEL', keys[1], args[1])
  return 1
end

-- keys: suppliers or sourcings, version. args: name, value. Answers the version that says so.
local function enter(keys, args)
  if redis.call('HGET', keys[1], args[1]) == args[2] then
    return tonumber(redis.call('GET', keys[2]) or 0)
  end
  redis.call('HSET', keys[1], args[1], args[2])
  return redis.call('INCR', keys[2])
end

redis.register_function('cardkeep_claim', claim)
redis.register_function('cardkeep_append', append)
redis.register_function('cardkeep_fold', fold)
redis.register_function('cardkeep_keep', keep)
redis.register_function('cardkeep_add_pool', add_pool)
redis.register_function('cardkeep_place', place)
redis.register_function('cardkeep_announce', announce)
redis.register_function('cardkeep_retire', retire)
redis.register_function('cardkeep_enter', enter)
redis.register_function{function_name = 'cardkeep_look', callback = look, flags = {'no-writes'}}
redis.register_function{function_name = 'cardkeep_position', callback = position, flags = {'no-writes'}}
redis.register_function{function_name = 'cardkeep_placement', callback = placement, flags = {'no-writes'}}
