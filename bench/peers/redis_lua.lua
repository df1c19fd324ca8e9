#!lua name=peer

-- The cards of one SKU. Its keys, all with the SKU as hash tag:
--   {sku}:shelf       list: the cards nobody has, the next one first
--   {sku}:last        the number of the newest hold
--   {sku}:due         sorted set: active holds by the moment they end
--   {sku}:hold:N      a hold, as a line: N CARDS CREATED EXPIRES QUANTITY STATE ENDED ORDER
--   {sku}:order:REF   the number of an order's hold
--   {sku}:request:ID  what a request got, as long as answers are kept: the number of its hold, or the line of a no
--
-- A no is a line too, with hold 0 and the number of cards that were left. An answer that was remembered has a `=`
-- before its line, that of another request for the same order a `~`.

local function once_more(sku, request_key, known_request, known_order, wish)
  if known_request then
    local is_no = string.sub(known_request, 1, 2) == '0 '
    return '=' .. (is_no and known_request or redis.call('GET', sku .. ':hold:' .. known_request))
  end
  local line = redis.call('GET', sku .. ':hold:' .. known_order)
  local quantity, state = string.match(line, '^%S+ %S+ %S+ %S+ (%S+) (%S+)')
  if quantity == wish.quantity and state == 'ACTIVE' then
    redis.call('SET', request_key, known_order, 'PX', wish.keep_ms)
  end
  return '~' .. line
end

local function take(shelf, quantity)
  if quantity == '1' then
    local card = redis.call('LPOP', shelf)
    return card and 1 or 0, card
  end
  local cards = redis.call('LPOP', shelf, quantity) or {}
  if #cards < tonumber(quantity) then
    for place = #cards, 1, -1 do
      redis.call('LPUSH', shelf, cards[place])
    end
    return #cards, nil
  end
  return #cards, table.concat(cards, ',')
end

-- KEYS: shelf, last, due, then request and order of each wish.
-- ARGV: SKU, now, how long answers are kept, then quantity, end and order_ref of each wish. Answers a line for each.
redis.register_function('allocate', function(keys, args)
  local call = redis.call
  local sku, now, keep_ms = args[1], args[2], args[3]
  local shelf, last, due = keys[1], keys[2], keys[3]
  local answers = {}
  for n = 1, (#keys - 3) / 2 do
    local request_key, order_key = keys[2 * n + 2], keys[2 * n + 3]
    local quantity, expires, order = args[3 * n + 1], args[3 * n + 2], args[3 * n + 3]
    local known = call('MGET', request_key, order_key)
    if known[1] or known[2] then
      answers[n] = once_more(sku, request_key, known[1], known[2], {quantity = quantity, keep_ms = keep_ms})
    else
      local count, cards = take(shelf, quantity)
      if cards then
        local hold = call('INCR', last)
        local line = hold .. ' ' .. cards .. ' ' .. now .. ' ' .. expires .. ' ' .. quantity .. ' ACTIVE 0 ' .. order
        call('SET', sku .. ':hold:' .. hold, line)
        call('SET', order_key, hold)
        call('ZADD', due, expires, hold)
        call('SET', request_key, hold, 'PX', keep_ms)
        answers[n] = line
      else
        answers[n] = '0 ' .. count .. ' 0 0 ' .. quantity .. ' - 0 ' .. order
        call('SET', request_key, answers[n], 'PX', keep_ms)
      end
    end
  end
  return answers
end)

local function give_back(record, shelf, due, line, state, ended)
  local head, hold, cards, order = string.match(line, '^((%S+) (%S+) %S+ %S+ %S+) %S+ %S+ (.*)$')
  for card in string.gmatch(cards, '[^,]+') do
    redis.call('LPUSH', shelf, card)
  end
  local ended_line = head .. ' ' .. state .. ' ' .. ended .. ' ' .. order
  redis.call('SET', record, ended_line)
  redis.call('ZREM', due, hold)
  return ended_line
end

-- KEYS: shelf, due, then the record of each hold. ARGV: now. Answers a line for each, '' for no such hold.
redis.register_function('release', function(keys, args)
  local answers = {}
  for n = 3, #keys do
    local line = redis.call('GET', keys[n]) or ''
    local expires, state = string.match(line, '^%S+ %S+ %S+ (%S+) %S+ (%S+)')
    if state == 'ACTIVE' then
      local is_over = tonumber(expires) <= tonumber(args[1])
      line = give_back(keys[n], keys[1], keys[2], line, is_over and 'EXPIRED' or 'RELEASED', is_over and expires or args[1])
    end
    answers[n - 2] = line
  end
  return answers
end)

-- KEYS: shelf, due. ARGV: SKU, now, how many at most. Answers how many ended.
redis.register_function('expire', function(keys, args)
  local over = redis.call('ZRANGE', keys[2], '-inf', args[2], 'BYSCORE', 'LIMIT', 0, args[3])
  for _, hold in ipairs(over) do
    local record = args[1] .. ':hold:' .. hold
    local line = redis.call('GET', record)
    give_back(record, keys[1], keys[2], line, 'EXPIRED', string.match(line, '^%S+ %S+ %S+ (%S+)'))
  end
  return #over
end)
