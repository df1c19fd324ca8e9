-- Cards and holds of many SKUs. A card that nobody has is in the index `shelf`, and leaves it when it is taken.
CREATE TABLE IF NOT EXISTS skus (sku integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY, name text NOT NULL UNIQUE);

CREATE TABLE IF NOT EXISTS cards (
    sku integer NOT NULL,
    card integer NOT NULL,
    hold bigint,
    PRIMARY KEY (sku, card)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX IF NOT EXISTS shelf ON cards (sku, card) WHERE hold IS NULL;

-- A request that found too few cards is a row too, with state OUT_OF_STOCK and the cards it saw: it gets the same no again.
CREATE TABLE IF NOT EXISTS holds (
    hold bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    sku integer NOT NULL,
    request_id text NOT NULL,
    order_ref text NOT NULL,
    quantity integer NOT NULL,
    cards integer[] NOT NULL,
    created_at_ms bigint NOT NULL,
    expires_at_ms bigint NOT NULL,
    state text NOT NULL,
    ended_at_ms bigint NOT NULL DEFAULT 0,
    UNIQUE (sku, request_id)
);
CREATE UNIQUE INDEX IF NOT EXISTS one_hold_of_an_order ON holds (sku, order_ref) WHERE state <> 'OUT_OF_STOCK';
CREATE INDEX IF NOT EXISTS due ON holds (expires_at_ms) WHERE state = 'ACTIVE';
