"""The SQL of the Postgres peer. Each statement is a transaction of its own; what its parameters are stands above it."""

#: One hold of one card. $1 SKU, $2 request_id, $3 order_ref, $4 now, $5 its end. No row: the request or the order is
#: known already, and the card that was picked stays where it was.
ALLOCATE = """
WITH picked AS MATERIALIZED (
    SELECT card FROM cards WHERE sku = $1 AND hold IS NULL ORDER BY card LIMIT 1 FOR UPDATE SKIP LOCKED
), made AS (
    INSERT INTO holds (sku, request_id, order_ref, quantity, created_at_ms, expires_at_ms, cards, state)
    SELECT $1, $2, $3, 1, $4, $5, ARRAY(SELECT card FROM picked),
        CASE WHEN EXISTS (SELECT FROM picked) THEN 'ACTIVE' ELSE 'OUT_OF_STOCK' END
    WHERE EXISTS (SELECT FROM picked) OR NOT EXISTS (
        SELECT FROM holds WHERE sku = $1 AND order_ref = $3 AND state <> 'OUT_OF_STOCK')
    ON CONFLICT DO NOTHING
    RETURNING hold, cards, state
), taken AS (
    UPDATE cards SET hold = made.hold FROM made, picked WHERE cards.sku = $1 AND cards.card = picked.card
)
SELECT hold, cards, state FROM made
"""

#: Many holds. $1 SKU, $2 request_ids, $3 order_refs, $4 quantities, $5 now, $6 ends. A row for each that is new. Cards
#: are dealt in the order of asking; who gets too few gets none. Sorted, so that no two batches wait for each other.
ALLOCATE_ALL = """
WITH wishes AS MATERIALIZED (
    SELECT * FROM unnest($2::text[], $3::text[], $4::integer[], $6::bigint[])
        WITH ORDINALITY AS wish (request_id, order_ref, quantity, expires_at_ms, place)
), picked AS MATERIALIZED (
    SELECT card FROM cards WHERE sku = $1 AND hold IS NULL
    ORDER BY card LIMIT (SELECT sum(quantity) FROM wishes) FOR UPDATE SKIP LOCKED
), dealt AS (
    SELECT place, array_agg(card) AS cards
    FROM (SELECT place, row_number() OVER (ORDER BY place) AS slot FROM wishes, generate_series(1, quantity)) AS slots
    JOIN (SELECT card, row_number() OVER (ORDER BY card) AS slot FROM picked) AS in_line USING (slot)
    GROUP BY place
), made AS (
    INSERT INTO holds (sku, request_id, order_ref, quantity, created_at_ms, expires_at_ms, cards, state)
    SELECT $1, request_id, order_ref, quantity, $5, expires_at_ms, coalesce(cards, '{}'),
        CASE WHEN cardinality(cards) = quantity THEN 'ACTIVE' ELSE 'OUT_OF_STOCK' END
    FROM wishes LEFT JOIN dealt USING (place)
    WHERE cardinality(cards) = quantity OR NOT EXISTS (
        SELECT FROM holds AS known
        WHERE known.sku = $1 AND known.order_ref = wishes.order_ref AND known.state <> 'OUT_OF_STOCK')
    ORDER BY request_id
    ON CONFLICT DO NOTHING
    RETURNING *
), taken AS (
    UPDATE cards SET hold = one.hold
    FROM (SELECT hold, unnest(cards) AS card FROM made WHERE state = 'ACTIVE') AS one
    WHERE cards.sku = $1 AND cards.card = one.card
)
SELECT * FROM made
"""

#: What is known of requests and orders. $1 SKU, $2 request_ids, $3 order_refs.
KNOWN = """
SELECT * FROM holds
WHERE sku = $1 AND (request_id = ANY($2) OR (order_ref = ANY($3) AND state <> 'OUT_OF_STOCK'))
"""

#: Give back. $1 SKU, $2 holds, $3 now.
RELEASE = """
WITH ended AS (
    UPDATE holds SET state = CASE WHEN expires_at_ms <= $3 THEN 'EXPIRED' ELSE 'RELEASED' END,
        ended_at_ms = least(expires_at_ms, $3)
    WHERE sku = $1 AND hold = ANY($2) AND state = 'ACTIVE'
    RETURNING cards
)
UPDATE cards SET hold = NULL FROM (SELECT unnest(cards) AS card FROM ended) AS one
WHERE cards.sku = $1 AND cards.card = one.card
"""

#: The holds as they are now. $1 SKU, $2 holds.
HOLDS = "SELECT * FROM holds WHERE sku = $1 AND hold = ANY($2) AND state <> 'OUT_OF_STOCK'"

#: End what is over. $1 now, $2 how many at most. Answers how many ended.
EXPIRE = """
WITH over AS (
    SELECT hold FROM holds WHERE state = 'ACTIVE' AND expires_at_ms <= $1
    ORDER BY expires_at_ms LIMIT $2 FOR UPDATE SKIP LOCKED
), ended AS (
    UPDATE holds SET state = 'EXPIRED', ended_at_ms = expires_at_ms FROM over WHERE holds.hold = over.hold
    RETURNING holds.sku, holds.cards
), back AS (
    UPDATE cards SET hold = NULL FROM (SELECT sku, unnest(cards) AS card FROM ended) AS one
    WHERE cards.sku = one.sku AND cards.card = one.card
)
SELECT count(*) FROM ended
"""
