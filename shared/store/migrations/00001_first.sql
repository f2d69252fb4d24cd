-- +goose Up
-- Instants are unix milliseconds: *_at virtual (business) time, *_until system time.
-- Every table about one order begins its primary key with the order's time-ordered id, so
-- that it can be partitioned by day; uniqueness across orders lives in small key tables.

CREATE TABLE orders (
  id            BIGINT       NOT NULL PRIMARY KEY,
  platform      VARCHAR(16)  NOT NULL,
  no            VARCHAR(64)  NOT NULL,
  shop_code     VARCHAR(64)  NOT NULL,
  city          CHAR(6)      NOT NULL,
  state         VARCHAR(12)  NOT NULL,
  version       INT          NOT NULL,
  goal          VARCHAR(10)  NOT NULL,
  goal_cause    VARCHAR(64)  NOT NULL,
  goal_key      VARCHAR(64)  NOT NULL,
  penalty_fen   BIGINT       NOT NULL,
  round         INT          NOT NULL,
  winner        INT          NOT NULL,
  strategy      JSON         NOT NULL,
  fee_fen       BIGINT       NOT NULL,
  timers        JSON         NOT NULL,
  timer_sent_at BIGINT       NULL,
  fact_seq      INT          NOT NULL,
  milestone     INT          NOT NULL,
  told          INT          NOT NULL,
  received_at   BIGINT       NOT NULL,
  assigned_at   BIGINT       NULL,
  act_at        BIGINT       NULL,
  tell_at       BIGINT       NULL,
  post_at       BIGINT       NULL,
  -- LEAST of a null is null, so nulls stand as the far future.
  wake_at       BIGINT       GENERATED ALWAYS AS (NULLIF(LEAST(COALESCE(act_at, 9223372036854775807), COALESCE(tell_at, 9223372036854775807), COALESCE(post_at, 9223372036854775807)), 9223372036854775807)) STORED,
  tell_owner    VARCHAR(40)  NOT NULL DEFAULT '',
  tell_until    BIGINT       NOT NULL DEFAULT 0,
  tell_tries    INT          NOT NULL DEFAULT 0,
  redrives      INT          NOT NULL DEFAULT 0,
  attention     VARCHAR(255) NOT NULL DEFAULT '',
  KEY orders_wake (wake_at),
  KEY orders_state (state, id),
  KEY orders_attention (attention(1), id),
  CONSTRAINT orders_money CHECK (fee_fen >= 0 AND penalty_fen >= 0),
  CONSTRAINT orders_told CHECK (told <= milestone AND milestone <= version)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- What never changes about an order, sealed: names, phones and addresses are inside.
CREATE TABLE order_detail (
  order_id BIGINT NOT NULL PRIMARY KEY,
  sealed   BLOB   NOT NULL,
  why      JSON   NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE order_key (
  platform     VARCHAR(16) NOT NULL,
  no           VARCHAR(64) NOT NULL,
  order_id     BIGINT      NOT NULL, -- 0 = a tombstone that no create has met
  hash         CHAR(64)    NOT NULL,
  tombstone_at BIGINT      NULL,
  PRIMARY KEY (platform, no)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE intake_batch (
  id        VARCHAR(40) NOT NULL PRIMARY KEY,
  committed BOOLEAN     NOT NULL, -- false = a tombstone of the check-back: the insert may no longer happen
  at        BIGINT      NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE quote (
  order_id   BIGINT       NOT NULL,
  round      INT          NOT NULL,
  carrier    VARCHAR(16)  NOT NULL,
  n          INT          NOT NULL,
  account    VARCHAR(64)  NOT NULL,
  token      VARCHAR(255) NOT NULL,
  carrier_no VARCHAR(64)  NOT NULL,
  price_fen  BIGINT       NOT NULL,
  expires_at BIGINT       NOT NULL,
  distance_m INT          NOT NULL,
  refused    VARCHAR(255) NOT NULL,
  PRIMARY KEY (order_id, round, carrier),
  CONSTRAINT quote_price CHECK (price_fen >= 0)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE quote_outcome (
  order_id BIGINT       NOT NULL,
  round    INT          NOT NULL,
  result   VARCHAR(16)  NOT NULL,
  reason   VARCHAR(255) NOT NULL,
  writer   VARCHAR(40)  NOT NULL,
  at       BIGINT       NOT NULL,
  PRIMARY KEY (order_id, round)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE attempt (
  order_id       BIGINT       NOT NULL,
  n              INT          NOT NULL,
  carrier        VARCHAR(16)  NOT NULL,
  account        VARCHAR(64)  NOT NULL,
  carrier_no     VARCHAR(64)  NOT NULL,
  state          VARCHAR(12)  NOT NULL,
  under          VARCHAR(12)  NOT NULL,
  cause          VARCHAR(32)  NOT NULL,
  token          VARCHAR(255) NOT NULL,
  price_fen      BIGINT       NOT NULL,
  shard          INT          NOT NULL,
  held_fen       BIGINT       NOT NULL,
  booked_fen     BIGINT       NOT NULL,
  penalty_fen    BIGINT       NOT NULL,
  cancel_fee_fen BIGINT       NULL,
  want           JSON         NOT NULL,
  call_kind      VARCHAR(16)  NOT NULL,
  call_seq       INT          NOT NULL,
  call_owner     VARCHAR(40)  NOT NULL,
  call_until     BIGINT       NOT NULL,
  call_doubt     VARCHAR(16)  NOT NULL,
  call_seen      INT          NOT NULL,
  tries          INT          NOT NULL,
  refusals       INT          NOT NULL,
  next_call_at   BIGINT       NULL,
  doubt_since_at BIGINT       NULL,
  not_found      INT          NOT NULL,
  rider          BLOB         NULL, -- sealed
  last_at        BIGINT       NULL, -- carrier time
  placed_at      BIGINT       NULL,
  accepted_at    BIGINT       NULL,
  picked_at      BIGINT       NULL,
  changed        INT          NOT NULL,
  confirmed      BOOLEAN      NOT NULL,
  resolved       BOOLEAN      NOT NULL,
  PRIMARY KEY (order_id, n),
  CONSTRAINT attempt_held CHECK (held_fen >= 0)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE carrier_ref (
  carrier    VARCHAR(16) NOT NULL,
  carrier_no VARCHAR(64) NOT NULL,
  order_id   BIGINT      NOT NULL,
  n          INT         NOT NULL,
  PRIMARY KEY (carrier, carrier_no)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE parked_event (
  id         BIGINT       NOT NULL AUTO_INCREMENT PRIMARY KEY,
  carrier    VARCHAR(16)  NOT NULL,
  our_no     VARCHAR(64)  NOT NULL,
  carrier_no VARCHAR(64)  NOT NULL,
  hash       CHAR(64)     NOT NULL,
  item       BLOB         NOT NULL, -- sealed: it may name a rider
  first_at   BIGINT       NOT NULL,
  due_at     BIGINT       NULL, -- null = decided
  decision   VARCHAR(32)  NOT NULL DEFAULT '',
  UNIQUE KEY parked_hash (carrier, hash),
  KEY parked_no (carrier, carrier_no),
  KEY parked_due (due_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE order_event (
  order_id  BIGINT       NOT NULL,
  input_key VARCHAR(96)  NOT NULL,
  version   INT          NULL, -- null = nothing changed
  n         INT          NOT NULL,
  kind      VARCHAR(16)  NOT NULL,
  from_name VARCHAR(16)  NOT NULL,
  to_name   VARCHAR(16)  NOT NULL,
  decision  VARCHAR(12)  NOT NULL,
  milestone BOOLEAN      NOT NULL,
  at        BIGINT       NOT NULL,
  detail    JSON         NULL,
  owes      JSON         NULL,
  PRIMARY KEY (order_id, input_key),
  UNIQUE KEY event_version (order_id, version)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE order_command (
  order_id        BIGINT       NOT NULL,
  command_key     VARCHAR(64)  NOT NULL,
  kind            VARCHAR(16)  NOT NULL,
  by_whom         VARCHAR(32)  NOT NULL,
  reason          VARCHAR(255) NOT NULL,
  hash            CHAR(64)     NOT NULL,
  received_at     BIGINT       NOT NULL,
  epoch           INT          NOT NULL,
  applied_version INT          NULL,
  decision        VARCHAR(255) NOT NULL DEFAULT '',
  PRIMARY KEY (order_id, command_key)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE fact (
  order_id  BIGINT      NOT NULL,
  n         INT         NOT NULL,
  kind      VARCHAR(12) NOT NULL,
  seq       INT         NOT NULL,
  amount    BIGINT      NOT NULL,
  party     VARCHAR(16) NOT NULL,
  account   VARCHAR(64) NOT NULL,
  shard     INT         NOT NULL,
  cause     VARCHAR(64) NOT NULL,
  at        BIGINT      NOT NULL,
  posted_at BIGINT      NULL,
  PRIMARY KEY (order_id, n, kind, seq)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE ledger_entry (
  id         BIGINT       NOT NULL AUTO_INCREMENT PRIMARY KEY,
  tx         VARCHAR(96)  NOT NULL, -- order.n.kind.seq of the fact, or another source's key
  account    VARCHAR(96)  NOT NULL,
  debit      BOOLEAN      NOT NULL,
  amount_fen BIGINT       NOT NULL,
  order_id   BIGINT       NOT NULL, -- 0 = no order
  reason     VARCHAR(64)  NOT NULL,
  event_at   BIGINT       NOT NULL,
  posted_at  BIGINT       NOT NULL,
  period     CHAR(7)      NOT NULL, -- 2026-11, Asia/Shanghai
  UNIQUE KEY ledger_tx (tx, account, debit), -- posting twice collides
  KEY ledger_order (order_id),
  KEY ledger_account (account, id),
  CONSTRAINT ledger_amount CHECK (amount_fen > 0)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Idempotency of entries whose source is not a fact.
CREATE TABLE ledger_key (
  source VARCHAR(32) NOT NULL,
  k      VARCHAR(64) NOT NULL,
  hash   CHAR(64)    NOT NULL,
  PRIMARY KEY (source, k)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- The prepaid balance of a carrier account, allotted to shards as escrow.
CREATE TABLE prepaid_shard (
  carrier   VARCHAR(16) NOT NULL,
  account   VARCHAR(64) NOT NULL,
  shard     INT         NOT NULL,
  free_fen  BIGINT      NOT NULL,
  PRIMARY KEY (carrier, account, shard)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE shop (
  platform VARCHAR(16) NOT NULL,
  code     VARCHAR(64) NOT NULL,
  city     CHAR(6)     NOT NULL,
  city_name VARCHAR(32) NOT NULL,
  stop     JSON        NOT NULL, -- a shop's own address is public
  PRIMARY KEY (platform, code)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE strategy (
  name    VARCHAR(64) NOT NULL,
  version INT         NOT NULL,
  body    JSON        NOT NULL,
  active  BOOLEAN     NOT NULL,
  PRIMARY KEY (name, version)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE dead_letter (
  id       BIGINT       NOT NULL AUTO_INCREMENT PRIMARY KEY,
  msg_key  VARCHAR(96)  NOT NULL,
  topic    VARCHAR(64)  NOT NULL,
  body     MEDIUMBLOB   NOT NULL, -- sealed
  at       BIGINT       NOT NULL,
  tries    INT          NOT NULL,
  state    VARCHAR(16)  NOT NULL, -- redriven, waiting, done
  UNIQUE KEY dead_key (msg_key)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- +goose Down
DROP TABLE dead_letter, strategy, shop, prepaid_shard, ledger_key, ledger_entry, fact, order_command, order_event,
  parked_event, carrier_ref, attempt, quote_outcome, quote, intake_batch, order_key, order_detail, orders;
