-- Every platform, carrier and strategy. Instants are milliseconds of virtual time unless they say otherwise.
-- +goose Up

-- What the quote stage found out about an order that came with its number only (thin push): city, shop, strategy, fee, expected time.
ALTER TABLE quote_outcome ADD COLUMN plan JSON NULL;

ALTER TABLE quote
  ADD COLUMN accept_in_s  INT NOT NULL DEFAULT 0, -- the carrier's estimates; 0 = none
  ADD COLUMN deliver_in_s INT NOT NULL DEFAULT 0;

-- 回传率: milestones that the platform took, of them later than it should, and those that it refused.
ALTER TABLE orders
  ADD COLUMN told_n       INT NOT NULL DEFAULT 0,
  ADD COLUMN told_late    INT NOT NULL DEFAULT 0,
  ADD COLUMN told_refused INT NOT NULL DEFAULT 0;

ALTER TABLE orders ADD COLUMN width INT NOT NULL DEFAULT 0; -- carriers that may look for a rider at once; 0 = as the strategy begins

ALTER TABLE attempt ADD COLUMN tip_fen BIGINT NOT NULL DEFAULT 0; -- all tips that the carrier has confirmed

ALTER TABLE order_command ADD COLUMN args JSON NULL; -- nothing personal: a new address goes to order_detail

ALTER TABLE shop
  ADD COLUMN excluded JSON NULL, -- carriers that never serve it: ["uupt"]
  ADD COLUMN stores   JSON NULL, -- its number at each carrier: {"shansong":"20000000000000001"}
  -- When the row was written last, by the server's clock: instances read again what was touched of late.
  ADD COLUMN touched  TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3),
  ADD KEY shop_touched (touched);

-- Who made a version of a strategy, and when.
ALTER TABLE strategy
  ADD COLUMN by_whom VARCHAR(64) NOT NULL DEFAULT '',
  ADD COLUMN at      BIGINT      NOT NULL DEFAULT 0; -- system time

-- Carriers, platforms and cities that are switched off.
CREATE TABLE live_switch (
  kind    VARCHAR(16)  NOT NULL, -- carrier, platform, city, carrier_city
  subject VARCHAR(64)  NOT NULL, -- uupt; meituan; 330100; uupt:330100
  off     BOOLEAN      NOT NULL,
  reason  VARCHAR(255) NOT NULL,
  by_whom VARCHAR(64)  NOT NULL,
  at      BIGINT       NOT NULL, -- system time
  PRIMARY KEY (kind, subject)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Which prepaid account of a carrier serves which orders. A carrier without rows has the one of its settings.
CREATE TABLE carrier_account (
  carrier VARCHAR(16) NOT NULL,
  account VARCHAR(64) NOT NULL,
  body    JSON        NOT NULL, -- match, weight, active
  PRIMARY KEY (carrier, account)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Who changed what by hand.
CREATE TABLE audit (
  id      BIGINT       NOT NULL AUTO_INCREMENT PRIMARY KEY,
  at      BIGINT       NOT NULL, -- system time
  by_whom VARCHAR(64)  NOT NULL,
  verb    VARCHAR(32)  NOT NULL, -- strategy set, shop import, switch off, order redispatch
  subject VARCHAR(128) NOT NULL,
  detail  JSON         NOT NULL, -- before and after; nothing personal
  KEY audit_at (at),
  KEY audit_subject (subject, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Access and refresh tokens, renewed by whoever holds the claim, for all instances.
CREATE TABLE token (
  name        VARCHAR(64) NOT NULL PRIMARY KEY, -- fengniao:1000001
  sealed      BLOB        NULL,
  version     INT         NOT NULL DEFAULT 0,
  claim_owner VARCHAR(40) NOT NULL DEFAULT '',
  claim_until BIGINT      NOT NULL DEFAULT 0    -- system time
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- +goose Down
DROP TABLE token;
DROP TABLE audit;
DROP TABLE carrier_account;
DROP TABLE live_switch;
ALTER TABLE strategy DROP COLUMN by_whom, DROP COLUMN at;
ALTER TABLE shop DROP KEY shop_touched, DROP COLUMN touched, DROP COLUMN excluded, DROP COLUMN stores;
ALTER TABLE order_command DROP COLUMN args;
ALTER TABLE attempt DROP COLUMN tip_fen;
ALTER TABLE orders DROP COLUMN told_n, DROP COLUMN told_late, DROP COLUMN told_refused;
ALTER TABLE orders DROP COLUMN width;
ALTER TABLE quote DROP COLUMN accept_in_s, DROP COLUMN deliver_in_s;
ALTER TABLE quote_outcome DROP COLUMN plan;
