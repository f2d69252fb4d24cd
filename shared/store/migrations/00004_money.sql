-- Money that closes. Instants are milliseconds of virtual time unless they say otherwise.
-- +goose Up

-- ledger: what every posting shares, and what a seal or a close has for itself alone.
CREATE TABLE ledger_mark (
  id        INT     NOT NULL PRIMARY KEY, -- 1
  sealed_id BIGINT  NOT NULL, -- entries up to this one are sealed: none comes below it any more
  closed    CHAR(7) NOT NULL, -- the last accounting period that is closed; '' = none
  CONSTRAINT ledger_mark_one CHECK (id = 1)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO ledger_mark (id, sealed_id, closed) VALUES (1, 0, '');

ALTER TABLE ledger_entry ADD COLUMN n INT NOT NULL DEFAULT 0; -- attempt; 0 = the order's own, or no order

-- Closed ranges of entries, each hash chained to the one before. Append-only, as the entries.
CREATE TABLE ledger_seal (
  to_id     BIGINT   NOT NULL PRIMARY KEY,
  from_id   BIGINT   NOT NULL, -- the to_id of the range before, plus one
  entries   INT      NOT NULL,
  hash      CHAR(64) NOT NULL, -- SHA-256 of the hash before and of every entry in order
  leaves    MEDIUMBLOB NOT NULL, -- the beginning of each entry's own hash, 4 bytes each: names the one that was changed
  first_posted_at BIGINT NOT NULL, -- the least posted_at of the range
  last_posted_at  BIGINT NOT NULL,
  last_event_at   BIGINT NOT NULL,
  sealed_at BIGINT   NOT NULL, -- system time
  UNIQUE KEY seal_from (from_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- What accounts had turned over at the end of a sealed range; a row where the range touched the account.
CREATE TABLE ledger_balance (
  account    VARCHAR(96) NOT NULL,
  to_id      BIGINT      NOT NULL,
  debit_fen  BIGINT      NOT NULL,
  credit_fen BIGINT      NOT NULL,
  PRIMARY KEY (account, to_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Transfers that wait for a second person (pending), and what became of them.
CREATE TABLE ledger_transfer (
  id         BIGINT       NOT NULL AUTO_INCREMENT PRIMARY KEY,
  source     VARCHAR(32)  NOT NULL,
  k          VARCHAR(64)  NOT NULL,
  state      VARCHAR(8)   NOT NULL, -- pending, posted, voided
  body       JSON         NOT NULL, -- the transfer
  note       VARCHAR(255) NOT NULL,
  made_by    VARCHAR(64)  NOT NULL,
  made_at    BIGINT       NOT NULL, -- system time
  decided_by VARCHAR(64)  NOT NULL DEFAULT '',
  decided_at BIGINT       NULL,     -- system time
  UNIQUE KEY transfer_key (source, k),
  KEY transfer_state (state, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Accounting periods that are closed.
CREATE TABLE ledger_period (
  period    CHAR(7)      NOT NULL PRIMARY KEY,
  to_id     BIGINT       NOT NULL, -- entries up to this one were there
  trial     JSON         NOT NULL, -- the balance of every account over all entries of this period and those before
  closed_by VARCHAR(64)  NOT NULL,
  closed_at BIGINT       NOT NULL, -- system time
  note      VARCHAR(255) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- reconciliation: a carrier's bill of one prepaid account and business day.
CREATE TABLE bill (
  id        BIGINT       NOT NULL AUTO_INCREMENT PRIMARY KEY,
  carrier   VARCHAR(16)  NOT NULL,
  account   VARCHAR(64)  NOT NULL,
  day       CHAR(10)     NOT NULL, -- 2026-11-23, Asia/Shanghai
  sha256    CHAR(64)     NOT NULL, -- of the file
  name      VARCHAR(255) NOT NULL,
  row_count INT          NOT NULL,
  net_fen   BIGINT       NOT NULL, -- taken less given
  counts    JSON         NOT NULL, -- lines by outcome
  by_whom   VARCHAR(64)  NOT NULL,
  at        BIGINT       NOT NULL, -- system time
  replaced_by BIGINT     NOT NULL DEFAULT 0, -- the bill that took its place; 0 = it is in force
  note      VARCHAR(255) NOT NULL DEFAULT '', -- why it was replaced
  file      CHAR(64)     NULL, -- its SHA-256 while it is in force: a file comes once, unless it has no line, as those of idle days
  UNIQUE KEY bill_file (file),
  UNIQUE KEY bill_day (carrier, account, day, replaced_by)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Open and settled differences with carriers and platforms: what suspense consists of, and more.
CREATE TABLE money_item (
  id          BIGINT       NOT NULL AUTO_INCREMENT PRIMARY KEY,
  party       VARCHAR(16)  NOT NULL, -- uupt, jd
  account     VARCHAR(64)  NOT NULL DEFAULT '', -- prepaid account of a carrier
  kind        VARCHAR(32)  NOT NULL, -- overbilled, duplicate, unknown_waybill, not_billed, rejected, …
  cost        VARCHAR(16)  NOT NULL DEFAULT '', -- what it is about: fee, tip, penalty, refund, compensation
  state       VARCHAR(12)  NOT NULL, -- explained, disputed, suspense, resolved
  source      VARCHAR(32)  NOT NULL, -- bill, statement
  source_id   BIGINT       NOT NULL, -- of the bill or statement
  line_no     INT          NOT NULL DEFAULT 0, -- 0 = not a line: something that is missing
  carrier_no  VARCHAR(64)  NOT NULL DEFAULT '',
  order_id    BIGINT       NOT NULL DEFAULT 0,
  n           INT          NOT NULL DEFAULT 0,
  theirs_fen  BIGINT       NOT NULL DEFAULT 0, -- what the other side says
  ours_fen    BIGINT       NOT NULL DEFAULT 0, -- what we have booked
  suspense_fen BIGINT      NOT NULL DEFAULT 0, -- what stands in suspense for it now, debit positive
  raw         VARCHAR(512) NOT NULL DEFAULT '', -- the line as it came; nothing personal is on bills
  note        VARCHAR(255) NOT NULL DEFAULT '',
  owner       VARCHAR(64)  NOT NULL DEFAULT '', -- who has to settle it
  opened_at   BIGINT       NOT NULL,
  due_at      BIGINT       NULL,
  resolved_at BIGINT       NULL,
  resolution  VARCHAR(32)  NOT NULL DEFAULT '',
  resolved_by VARCHAR(64)  NOT NULL DEFAULT '',
  ended_by    BIGINT       NOT NULL DEFAULT 0, -- the bill that answered it; 0 = none did
  endings     INT          NOT NULL DEFAULT 0, -- how often it had been answered by a bill that was replaced
  k           VARCHAR(96)  NOT NULL, -- of the difference: the same one is not opened twice
  UNIQUE KEY item_key (k),
  KEY item_state (state, party, id),
  KEY item_source (source_id),
  KEY item_ended (ended_by),
  KEY item_waybill (party, carrier_no),
  KEY item_order (order_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- statements to platforms: a statement has every earned entry of business days before until_at and ids up to
-- to_id that no statement before it has; both marks never go back. Amounts: what the platform owes, above zero.
CREATE TABLE statement (
  id        BIGINT       NOT NULL AUTO_INCREMENT PRIMARY KEY,
  platform  VARCHAR(16)  NOT NULL,
  seq       INT          NOT NULL, -- 1, 2, … of the platform
  revision  INT          NOT NULL DEFAULT 1, -- goes up when it is issued again
  from_at   BIGINT       NOT NULL,
  until_at  BIGINT       NOT NULL, -- exclusive
  to_id     BIGINT       NOT NULL,
  rest_id   BIGINT       NOT NULL, -- every earned entry below it is on this statement or one before it
  entries   INT          NOT NULL, -- that the marks choose; with the amounts of each account:
  delivery_fen     BIGINT NOT NULL,
  penalty_fen      BIGINT NOT NULL,
  compensation_fen BIGINT NOT NULL, -- below zero: we owe it
  line_count INT         NOT NULL, -- of this revision
  total_fen BIGINT       NOT NULL, -- of this revision
  rejected_fen BIGINT    NOT NULL DEFAULT 0, -- since this revision
  paid_fen  BIGINT       NOT NULL DEFAULT 0,
  state     VARCHAR(12)  NOT NULL, -- issued, part_paid, paid, credit
  by_whom   VARCHAR(64)  NOT NULL,
  at        BIGINT       NOT NULL, -- of issue, as the paper says; virtual time
  UNIQUE KEY statement_seq (platform, seq)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- What became of a statement, step by step: each changes what is open on its accounts.
CREATE TABLE statement_step (
  statement_id BIGINT    NOT NULL,
  seq       INT          NOT NULL,
  revision  INT          NOT NULL, -- in force when the step was made
  kind      VARCHAR(12)  NOT NULL, -- set_off, payment, unpaid, rejected, lifted, reissued
  k         VARCHAR(96)  NOT NULL, -- its transaction in the ledger, or a key of its own: no step is made twice
  order_id  BIGINT       NOT NULL DEFAULT 0,
  delivery_fen     BIGINT NOT NULL DEFAULT 0,
  penalty_fen      BIGINT NOT NULL DEFAULT 0,
  compensation_fen BIGINT NOT NULL DEFAULT 0,
  note      VARCHAR(255) NOT NULL DEFAULT '',
  by_whom   VARCHAR(64)  NOT NULL,
  event_at  BIGINT       NOT NULL,
  at        BIGINT       NOT NULL, -- system time
  PRIMARY KEY (statement_id, seq),
  UNIQUE KEY step_key (k)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- rule books: versions of tariffs and penalty rules.
CREATE TABLE rule_book (
  kind    VARCHAR(16)  NOT NULL, -- tariff, penalty
  version INT          NOT NULL,
  body    JSON         NOT NULL,
  from_at BIGINT       NOT NULL, -- in force from then on
  note    VARCHAR(255) NOT NULL,
  by_whom VARCHAR(64)  NOT NULL,
  at      BIGINT       NOT NULL, -- system time
  PRIMARY KEY (kind, version)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- hot prepaid accounts: what was ever taken out of a shard, and by how many holds. The shard -1 is an
-- account's reserve: its floor, from which nobody takes.
ALTER TABLE prepaid_shard
  ADD COLUMN taken_fen BIGINT NOT NULL DEFAULT 0,
  ADD COLUMN holds     BIGINT NOT NULL DEFAULT 0;

-- What the sweep knows of an account: how fast its money goes, and whether people were told that it ends.
CREATE TABLE prepaid_watch (
  carrier  VARCHAR(16)  NOT NULL,
  account  VARCHAR(64)  NOT NULL,
  samples  JSON         NOT NULL, -- [[instant, taken_fen], ...] of the last minutes, oldest first
  alarm    VARCHAR(255) NOT NULL, -- why it is low; '' = it is not
  since_at BIGINT       NULL,     -- of the alarm
  told_at  BIGINT       NULL,     -- when it was told last
  alarms   INT          NOT NULL, -- how often one was raised
  PRIMARY KEY (carrier, account)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- +goose Down
DROP TABLE prepaid_watch;
ALTER TABLE prepaid_shard DROP COLUMN taken_fen, DROP COLUMN holds;
DROP TABLE rule_book, statement_step, statement, money_item, bill, ledger_period, ledger_transfer, ledger_balance, ledger_seal, ledger_mark;
ALTER TABLE ledger_entry DROP COLUMN n;
