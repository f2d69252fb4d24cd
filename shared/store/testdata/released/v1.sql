-- Version 1 as it was released: its schema and a small history in every table. Never changed.

CREATE TABLE goose_db_version (
  id         BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  version_id BIGINT          NOT NULL,
  is_applied BOOLEAN         NOT NULL,
  tstamp     TIMESTAMP       NULL DEFAULT NOW()
);
INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, TRUE), (1, TRUE);

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


INSERT INTO orders (id, platform, no, shop_code, city, state, version, goal, goal_cause, goal_key, penalty_fen, round, winner, strategy, fee_fen, timers, timer_sent_at, fact_seq, milestone, told, received_at, assigned_at, act_at, tell_at, post_at, tell_owner, tell_until, tell_tries, redrives, attention) VALUES
(247000000000000003, 'meituan', 'no-247000000000000002', 'qf-shop-0001', '330100', 'delivered', 7, '', '', '', 0, 1, 1, '{"name":"default","version":0,"match":{},"mode":"cheapest","carriers":["shansong"],"quote":{"deadline":"0s"},"accept_timeout":"0s","give_up_after":"0s","release_lead":"0s","limits":{}}', 1200, '[]', NULL, 4, 7, 7, 1794367800000, NULL, NULL, NULL, NULL, '', 0, 0, 0, ''),
(247000000000000006, 'meituan', 'no-247000000000000005', 'qf-shop-0001', '330100', 'cancelled', 11, 'cancelled', '', '', 200, 1, 0, '{"name":"default","version":0,"match":{},"mode":"cheapest","carriers":["shansong"],"quote":{"deadline":"0s"},"accept_timeout":"0s","give_up_after":"0s","release_lead":"0s","limits":{}}', 1200, '[]', NULL, 4, 11, 11, 1794367800000, NULL, NULL, NULL, NULL, '', 0, 0, 0, ''),
(247000000000000009, 'meituan', 'no-247000000000000008', 'qf-shop-0001', '330100', 'delivered', 13, '', '', '', 0, 1, 1, '{"name":"default","version":0,"match":{},"mode":"cheapest","carriers":["shansong"],"quote":{"deadline":"0s"},"accept_timeout":"0s","give_up_after":"0s","release_lead":"0s","limits":{}}', 1200, '[]', NULL, 6, 13, 13, 1794367800000, NULL, NULL, NULL, NULL, '', 0, 0, 0, ''),
(247362387865600012, 'meituan', 'no-247362387865600011', 'qf-shop-0001', '330100', 'delivered', 7, '', '', '', 0, 1, 1, '{"name":"default","version":0,"match":{},"mode":"cheapest","carriers":["shansong"],"quote":{"deadline":"0s"},"accept_timeout":"0s","give_up_after":"0s","release_lead":"0s","limits":{}}', 1200, '[]', NULL, 4, 7, 7, 1794367800000, NULL, NULL, NULL, NULL, '', 0, 0, 0, ''),
(247724775731200015, 'meituan', 'no-247724775731200014', 'qf-shop-0001', '330100', 'delivered', 7, '', '', '', 0, 1, 1, '{"name":"default","version":0,"match":{},"mode":"cheapest","carriers":["shansong"],"quote":{"deadline":"0s"},"accept_timeout":"0s","give_up_after":"0s","release_lead":"0s","limits":{}}', 1200, '[]', NULL, 4, 7, 7, 1794367800000, NULL, NULL, NULL, NULL, '', 0, 0, 0, ''),
(248087163596800018, 'meituan', 'no-248087163596800017', 'qf-shop-0001', '330100', 'delivered', 7, '', '', '', 0, 1, 1, '{"name":"default","version":0,"match":{},"mode":"cheapest","carriers":["shansong"],"quote":{"deadline":"0s"},"accept_timeout":"0s","give_up_after":"0s","release_lead":"0s","limits":{}}', 1200, '[]', NULL, 4, 7, 7, 1794367800000, NULL, NULL, NULL, NULL, '', 0, 0, 0, ''),
(248811939328000021, 'meituan', 'no-248811939328000020', 'qf-shop-0001', '330100', 'received', 1, '', '', '', 0, 1, 0, '{"name":"default","version":0,"match":{},"mode":"cheapest","carriers":["shansong"],"quote":{"deadline":"0s"},"accept_timeout":"0s","give_up_after":"0s","release_lead":"0s","limits":{}}', 1200, '[{"k":"quote","due":"2026-11-11T03:30:30Z","e":1}]', NULL, 0, 0, 0, 1794367800000, NULL, 1794367830000, NULL, NULL, '', 0, 0, 0, ''),
(248811939328000023, 'meituan', 'no-248811939328000022', 'qf-shop-0001', '330100', 'received', 1, '', '', '', 0, 1, 0, '{"name":"default","version":0,"match":{},"mode":"cheapest","carriers":["shansong"],"quote":{"deadline":"0s"},"accept_timeout":"0s","give_up_after":"0s","release_lead":"0s","limits":{}}', 1200, '[{"k":"quote","due":"2026-11-11T03:30:30Z","e":1}]', NULL, 0, 0, 0, 1794367800000, NULL, 1794367800000, NULL, NULL, '', 0, 0, 0, ''),
(248811939328000025, 'meituan', 'no-248811939328000024', 'qf-shop-0001', '330100', 'received', 1, '', '', '', 0, 1, 0, '{"name":"default","version":0,"match":{},"mode":"cheapest","carriers":["shansong"],"quote":{"deadline":"0s"},"accept_timeout":"0s","give_up_after":"0s","release_lead":"0s","limits":{}}', 1200, '[{"k":"quote","due":"2026-11-11T03:30:30Z","e":1}]', NULL, 0, 0, 0, 1794367800000, NULL, 1794367830000, NULL, NULL, '', 0, 0, 0, '');

INSERT INTO order_detail (order_id, sealed, why) VALUES
(247000000000000003, x'01ced7ee0443657f0dc555c753f91e3662de4791322cfe3361e1bfb1564b5d080686b00c000e18794a96ea5eed7445d649643b85b5f1105b2a91d890a7548e54bbb4a8dfd32085157e29b6b1db53a2a9a38733c23f38a987880baad54d9c320a2de42ed0d85d11f9fce6fa991c1a0aefafce3cf104f0d9191b7623328aba148c6cc1f56ba14238b81ea9d9384133a856ab647733cdb48a100a92253aec5c44ec8fe5ca6595da998581f49a08dafad99215489c64abff512199f8a927281780406e54272f09394a1970d3d6ebd312b7b7a2b7d5e54ea60d5672c364bd8f589a62e021ec76b1f0a723d22ed3f7b147d2889b807b4501c5f81abb1a04cc9a10bfa76ac530b81f66cb0ea3b97ed590989e312a076bc4777210c6416c87773e3bb75faf67a25df2d517f10edcbe37abb2a45ae1233bd92e47e3e77bd68ba0ffc2d9f1672c4901a93c573746401a1d92cbbac684e0a017ececb73c37521515b004fc7a02a233a7904d33d180006208', '{"level":"default","strategy":"default","version":1,"rivals":2}'),
(247000000000000006, x'01ec61869e3fbe62e035008a1b4139aa34c9dd0753551c31fdfb13cc6a14d3cf52b1c83ad13d2b908e1b1b5db2889b1bb671c3a71052567d0ce4e850c6af6eab51017f06e2e00b73c613bb37a3c3b134e23d8eb19b63fbefc9e6b91cbeaa5534f3dce57c41e8925e6e258789de33c90defe2e3ed0e8f9254bd34c8fee2d2a5a2a2f9d896d23ff52238d579f43482a5b460fda4eb7a981ac6c69fcf7bc786bfdd057b856881019818bd5fac85c4340a17c37846266a146fc5e8bebdb08230105a6ad5bd8588bedf03487c5ab44d0e14bf55341f9dda3dd4e0c35b62c506601ee7abe64f6ed6b5f26f0000555c977a5d20681c916a0d48f1f6d688dc7f3d44639e7a9e95deeb2115f70e9ed85c0c3df521a23aa2be2080ac66ca8cf4b081dc46a641ba6122223d86e75827aea6cf9c003fe53f0325300a1894f96d5f5d806627265d8be88d238875e60097478154dc3ad3e8c28c75b1f17aadb1c0cd225af6e4e4ec7644fb545662609a164e37', '{"level":"default","strategy":"default","version":1,"rivals":2}'),
(247000000000000009, x'01f209c013eaa6bc734f41413ce4a685b5a54159218edd330e05d1e79af6f84c32c5289b1a474c9ed174afca9a3f887b491461e63a47176950f442018defe6edca1555faf4c6603930a072a3bddb8e439c760336a5241dc5109cd22ec51d4d8667e828b8df0c2a9a14fc6ff48e94c408798dd456c9eb52a579918e30a813cee0355f782371f3fda599e9ed5b05986ed4c347d8a5d925631e6b0f816f904f91c5f5229303e01936cca499b22095ea718030b97d3eb46a16c79f3d68be4b75d13e257e76b9347fba6ce98d4b6f5a1a94b2350b1e80358380845559ea7268a0a5d9489240c3b459159c71abebfbe762309f8c52d1420fbe07c66e8a625348b091f21f75c8dbfc993ef3054c3f7559ac51561df4d4e3fc44dfe78e63485abbb3f7d8cdd7dee3689b8f05a85a8e6bc46b267c96073d465f7c35d72b89fb101118b047110e82166562526b6bbe075102471d648f41e78f08acfac9298feb41cb1893cd8554f50e57c38b32fbbeaf35', '{"level":"default","strategy":"default","version":1,"rivals":2}'),
(247362387865600012, x'015eac6c2fe23159a952d5b665a3071bb6c8e3bd3d1c92083c6d86b9a4eedef290b1a94f8c33dd0964fbee768d4111634893cf5a128ec15252d8cc28dc2e13a0a291671ce441fcd6ebed0b29897520f33efb1b31de6302b67fc44a0729316f113048ac6483c84e66f031c210032d86c613cbc6109833a333934fb416ce431b10a852f30e52f9b56fadbc50a9beda97cf3cd3822d1984d02ff8b847184dc825f2ce809e57081295b7037aadc6264fcf4f971c4560204b6b58da1b88facbd93f53d6bfd1a1bedb20a0add42302293113b18122f31b34a16cd17a5bf3d677f04d85044b9c8720863b331186c7ae65a31030a096bcf31d594795c60d93e7b669354f9dbc0bdd937a9c5fcb54e9075273076e23c532e333efd3f16fd4db33167d73babda3dd62f387371597c23511dd5525bd8f47410d33421bf87297bf166d0954faf6c38e129e3ffdbb0d3984063f9fee470ea28642cc0149dc952b9187b73ed619328ce4a8f227e75c9f1568f2', '{"level":"default","strategy":"default","version":1,"rivals":2}'),
(247724775731200015, x'016e58b671998df538fb10c2a5991abca24e2d119880f69c59c0bf8b3dbef958900449ac07a7009ab942a9001b6e32addf309495d63b2cb1038d9a8def52b695e4ab5ee40729cb6cfef199e96afe66b050814c8466cd3166d3c5fce6a4c4ef5dd5245b83a41661c5cbb7899160a9c3df352ff850e374d3cac2eefa48ad04372687e28fde76afe5debd36ac3f399dc4ffc9239237e12af4b35680de5b2b4fdf1d790081983ad2d89361fbd3324ee0dce3481c720eb1a630e7eac128ce4f1fb702439d031b24410b37416ac35a609c79ddba744f440f3531a8e33bbb9d801fcc63b378b194ba6ff4bc4ced578afaef0baf9f1507cd2c384937de9c6416ab2396c6c027b6d52dfeec77583f4ebfc93eeaee1904048d830c6dd0dba5675dd40f542af38f69e2977528f9ffdf71da1b97b08b63d3f50f15c83eb7ee944c8afc65f89eacfb873d5733ad0f4e52e3096e051e5949324de39b805e6dc8526dc4446f1436c81fa62436358ed4d6bddbe9', '{"level":"default","strategy":"default","version":1,"rivals":2}'),
(248087163596800018, x'016f4b1b92708b764a56a3ff6c73de80230294d9fbcbd6f948ac0b3ff92122c15f72d8bdd1017932eb3be4a59e8f8a19952da490c1069d7480431f4b1da334c0f446d6f311799ab482c02ed164b2f513988c36e3eea3ac9cc32f21b4150d04bee4649d2a68b96d17a4bb824dd29bafe1428644190d081428c4042c95b35803c929e797a387b2f99427951a6219829abb93b32898d67369b375ad5c95df3820ba12d8a786c3a7b838ead60ee4b5269a28e53783a1eb5e17b1e2bb74cbf5dc44983e93b87e2f6e565c69b8f77da38a1d89b45f1ef92fcca0c1eff5b34f522288ef1fefc822623ebeccc169eaa02c17384e5106fb6004306708f282c76b620289088dafec0266a625b7b9c2115ec8c7f8580596bc85a733006b11e980532cc56d498eeeace0d7a51faf0ba70d41b928bd5b959ff9d70d4de2191380d4ee4ae86221ed0f77e2290893836e15bcc67c65f39a8fb0d20a9c56a5c834e4703a9f98f814f1b05c57f14773ffda7cd78e', '{"level":"default","strategy":"default","version":1,"rivals":2}'),
(248811939328000021, x'016fbf49aa0ec62a08ed364d683618913d6a7a1c5f051352eb6519b9046d7177b3395111f6afd4d0a7f77759731e55623e95e0eeabf1b4d64ced1ee7e9979dc8302a7a0dc94a2799ee06a424cddd98a9dbc4987d1cc95c4bfc89a8e8a43d47d7573be5a8f487e50fe20df924082dc77cb7c3f27dc2cde7419414f0d860b2985e6dd562c7dc9badc5b6377aa4753865b0455e4dab3efd8db2eaa89cea31c1534ab4f06b9648c0a9f77ba33ad80dbda3ade536f0a348851deb57afe8318e6613437ab7bca5880a15b927c8365bf10a0e299a698c4c16465f91473da0b02fca127228162bbd24cc1d1b5d433959c4dd08a0bf313e71a9655f8437ced663037c9feced35f7b1d6c358e0e4d7667caa3b51f4b9fb93615950d064b16f1d5d6029a86c539f762d309c0fd6a7ddf6e79caadb65f807a5cc6c2f4372ebef6101af23bb0367fc63e752a73d81f5ca140bd6ae2ec03465d5ec30c6308fa2813d3beec03235d4417bfce276af101b115f9c', '{"level":"default","strategy":"default","version":1,"rivals":2}'),
(248811939328000023, x'01c3b459c7b22e0933bf0f7be1c355493e84461fcd6b962ded17f5e8dbe2c9713ec7f97e6c172d1f36c18de1f27879ca14bd7074acdacfb61af7574ecbd991849c8223dc187f847a8bdcc471140b1f7d50dcc82e372f74c3324f59adb55f2ac8c131222b3264b6b1a028bb90b8517ce60ae3fe3678a7b0f70a19db6fdd4fb74c9d0a79482aed980336af1946b35b3ceeea4e68fc1de45a93d74750e988fd5b196f56cfee26ed669d982b62b86a8b21ea9979675b0cb26b6f790b88d1c605ca3ae67dd3fcbf9311bb86419762d4aa806878740cc094bda7d76f560729474e4b465f7e8d00da6e8150e977033916423708d19d05e15cc96d7bd89523e45a2625e14ed9d25913d62e63d8e1b2115ee2dedd8fdfc1145262299f4572493841bf717a9f1f65cd77414dbec37fa488af62fdd1cc9d0beb2cf7da64106282a2db053d0ae492b48266d44fb0b366c56606d2d7192af09b2b812778ec1ca2230473eea43e06086aad87890a32c4a92549', '{"level":"default","strategy":"default","version":1,"rivals":2}'),
(248811939328000025, x'010d9d30d457060b33d218f92f7d19a69c17ae9cbb6323b7b7671799cc3abe5462b93c653a1274db8a683f923b5d91ab8257f914f93def592ca9dd3b5fe57fe0c76778a1dd341c2396d1e0ad114d014ef68a832ba6e02d5a68318dc0fd2f949838ad765a7fd361ed72cf9fca9df5673201e80fa9f5ee0f79ed1277d650016e67229e45199f2cbb74199261f78c101a5c45195caebed9af7da5a643dd5842625de87bd007dbad303445738303fe0aea2c6f8abf35281bb5f3e999bf04e18c1b2e4245d4d6993e09ab930bdb440adec227a2dfe07ed26ba321255c169378f8cd2d35b89e49cbcfa4d4b648ab7f37ba42271389b4f58523eda2b209db622342584944b4d9d723e330f0c358de4ee6911f2a36d208d0e41c5b76c14af3817fdd1f3e46b8ab177fa22649575d8ca7ed7e96ea75713c1d84a5bd5b0422167c3a99783c187ca5560876854f4cd078d25f1562d17b7438642238eb4462feba9a4bb188012935545c666d046c3045bec8', '{"level":"default","strategy":"default","version":1,"rivals":2}');

INSERT INTO order_key (platform, no, order_id, hash, tombstone_at) VALUES
('meituan', 'no-247000000000000002', 247000000000000003, 'hash of no-247000000000000002', NULL),
('meituan', 'no-247000000000000005', 247000000000000006, 'hash of no-247000000000000005', NULL),
('meituan', 'no-247000000000000008', 247000000000000009, 'hash of no-247000000000000008', NULL),
('meituan', 'no-247362387865600011', 247362387865600012, 'hash of no-247362387865600011', NULL),
('meituan', 'no-247724775731200014', 247724775731200015, 'hash of no-247724775731200014', NULL),
('meituan', 'no-248087163596800017', 248087163596800018, 'hash of no-248087163596800017', NULL),
('meituan', 'no-248811939328000020', 248811939328000021, 'hash of no-248811939328000020', NULL),
('meituan', 'no-248811939328000022', 248811939328000023, 'hash of no-248811939328000022', NULL),
('meituan', 'no-248811939328000024', 248811939328000025, 'hash of no-248811939328000024', NULL),
('meituan', 'nobody-yet', 0, '', 1794367800000);

INSERT INTO intake_batch (id, committed, at) VALUES
('b247000000000000004', 1, 1794367800000),
('b247000000000000007', 1, 1794367800000),
('b247000000000000010', 1, 1794367800000),
('b247362387865600013', 1, 1794367800000),
('b247724775731200016', 1, 1794367800000),
('b248087163596800019', 1, 1794367800000),
('b248811939328000026', 1, 1794367800000);

INSERT INTO quote (order_id, round, carrier, n, account, token, carrier_no, price_fen, expires_at, distance_m, refused) VALUES
(248811939328000021, 1, 'sftc', 3, '', '', '', 0, -62135596800000, 0, 'out of range'),
(248811939328000021, 1, 'shansong', 1, 'main', 'token', 'shansong-no', 900, 1794367860000, 2400, ''),
(248811939328000021, 1, 'uupt', 2, 'main', 'token', 'uupt-no', 880, 1794367860000, 2400, '');

INSERT INTO quote_outcome (order_id, round, result, reason, writer, at) VALUES
(248811939328000021, 1, 'quoted', 'two of three', 'writer', 1794367800000);

INSERT INTO attempt (order_id, n, carrier, account, carrier_no, state, under, cause, token, price_fen, shard, held_fen, booked_fen, penalty_fen, cancel_fee_fen, want, call_kind, call_seq, call_owner, call_until, call_doubt, call_seen, tries, refusals, next_call_at, doubt_since_at, not_found, rider, last_at, placed_at, accepted_at, picked_at, changed, confirmed, resolved) VALUES
(247000000000000003, 1, 'shansong', 'main', '247000000000000003001-c', 'delivered', '', '', '', 1000, 0, 0, 900, 0, NULL, '{"Cancel":"","Query":false,"Expired":false,"Confirm":false}', '', 0, '', 0, '', 0, 0, 0, NULL, NULL, 0, NULL, NULL, NULL, NULL, NULL, 0, 1, 0),
(247000000000000006, 1, 'shansong', 'main', 'tdh-c', 'cancelled', '', 'order_cancelled', '', 0, 0, 0, 0, 300, NULL, '{"Cancel":"","Query":false,"Expired":false,"Confirm":false}', '', 0, '', 0, '', 0, 0, 0, NULL, NULL, 0, NULL, NULL, NULL, NULL, NULL, 0, 1, 0),
(247000000000000009, 1, 'shansong', 'main', 'tdh-r', 'delivered', '', '', '', 0, 0, 0, 900, 0, NULL, '{"Cancel":"","Query":false,"Expired":false,"Confirm":false}', '', 0, '', 0, '', 0, 0, 0, NULL, NULL, 0, NULL, NULL, NULL, NULL, NULL, 0, 1, 0),
(247000000000000009, 2, 'uupt', 'main', 'uu-r', 'cancelled', '', 'lost_race', '', 0, 0, 0, 0, 40, NULL, '{"Cancel":"","Query":false,"Expired":false,"Confirm":false}', '', 0, '', 0, '', 0, 0, 0, NULL, NULL, 0, NULL, NULL, NULL, NULL, NULL, 0, 1, 1),
(247362387865600012, 1, 'shansong', 'main', '247362387865600012001-c', 'delivered', '', '', '', 1000, 0, 0, 900, 0, NULL, '{"Cancel":"","Query":false,"Expired":false,"Confirm":false}', '', 0, '', 0, '', 0, 0, 0, NULL, NULL, 0, NULL, NULL, NULL, NULL, NULL, 0, 1, 0),
(247724775731200015, 1, 'shansong', 'main', '247724775731200015001-c', 'delivered', '', '', '', 1000, 0, 0, 900, 0, NULL, '{"Cancel":"","Query":false,"Expired":false,"Confirm":false}', '', 0, '', 0, '', 0, 0, 0, NULL, NULL, 0, NULL, NULL, NULL, NULL, NULL, 0, 1, 0),
(248087163596800018, 1, 'shansong', 'main', '248087163596800018001-c', 'delivered', '', '', '', 1000, 0, 0, 900, 0, NULL, '{"Cancel":"","Query":false,"Expired":false,"Confirm":false}', '', 0, '', 0, '', 0, 0, 0, NULL, NULL, 0, NULL, NULL, NULL, NULL, NULL, 0, 1, 0);

INSERT INTO carrier_ref (carrier, carrier_no, order_id, n) VALUES
('shansong', '247000000000000003001-c', 247000000000000003, 1),
('shansong', '247362387865600012001-c', 247362387865600012, 1),
('shansong', '247724775731200015001-c', 247724775731200015, 1),
('shansong', '248087163596800018001-c', 248087163596800018, 1),
('shansong', 'tdh-c', 247000000000000006, 1),
('shansong', 'tdh-r', 247000000000000009, 1),
('uupt', 'uu-r', 247000000000000009, 2);

INSERT INTO parked_event (id, carrier, our_no, carrier_no, hash, item, first_at, due_at, decision) VALUES
(1, 'shansong', '', 'stranger', 'h1', x'01d00bd76ec8d02b97205c1b6f665ffc7ba042536037631dd066cad0a25b4c174cef91f78b9e553094be7abe9eeaa73b24f81385d070b43fd9e28fdfa4b4b4817108fb8b05aa032d67b6484c51c6e965e782cafedb4d19e0d87104e8d70d288febffa465aaab3a752dee241dd5b8d4b3edf209c92db46d4d169f29a0c7874fb1649527aac93b357ca4bafeb29d12139a8ea0f85bc0b738f1ed7f0abbcc87099b18443ef9447e9dfd82904f3b32e7daff4344e0b9864dadd01bd2958521b08c34009b76d5c12a1de23092002a8fa0d64848126bc60ec959a532859bb0aea0604bddb5818862f9d944cbebade31e3cb4a95dc1670f4730d0e07da6311129a1', 1794364200000, NULL, 'unknown order'),
(2, 'shansong', '', 'tdh-waiting', 'h2', x'019aa392c585f998ddee5dd9bf6e62cff4c7b71fda81fe3cfdd5ca907f37ce4d3dbdf250fdabcb0d666626a292ac3c9062a00fdb8e38f4a505babdbd50f1849ae2d68e46214fa2f5968586e8ce94ce27f76ce6e745b5bddb2ef73c87ff8e71c4bb76484fa94be7ffaaf46388242a5a6ae27abc03f0f72d42e8907f2d0732bd45e8d92acfa73383472a89f13e80d618d7533a4a8667bad72d651d60f7ea5687c0ea01b5e6f1e800f7a230e522b686b861c1200fd7844b022dc6e2bb22bc32e04156524480be0a64c0835c901e8944b66593e8c6e25ed9c2a892186fad1fdfe6c3b91739408ea869ca98b82202c1654bd48008fd356910572c87467fadf4147e31e0', 1794367800000, 1794367860000, '');

INSERT INTO order_event (order_id, input_key, version, n, kind, from_name, to_name, decision, milestone, at, detail, owes) VALUES
(247000000000000003, 'create', 1, 0, 'order', '', 'received', 'applied', 0, 1794367800000, NULL, NULL),
(247000000000000003, 'k:2', 2, 0, 'order', 'received', 'quoted', 'applied', 0, 1794367800000, NULL, NULL),
(247000000000000003, 'k:3', 3, 0, 'order', 'quoted', 'dispatching', 'applied', 1, 1794367800000, NULL, NULL),
(247000000000000003, 'k:4', 4, 1, 'attempt', '', 'intent', 'applied', 0, 1794367800000, NULL, NULL),
(247000000000000003, 'k:5', 5, 1, 'attempt', 'intent', 'placed', 'applied', 0, 1794367800000, NULL, NULL),
(247000000000000003, 'k:6', 6, 1, 'attempt', 'placed', 'delivered', 'applied', 0, 1794367800000, NULL, NULL),
(247000000000000003, 'k:7', 7, 1, 'order', 'dispatching', 'delivered', 'applied', 1, 1794367800000, NULL, NULL),
(247000000000000006, 'create', 1, 0, 'order', '', 'received', 'applied', 0, 1794367800000, NULL, NULL),
(247000000000000006, 'k:10', 10, 1, 'attempt', 'cancelling', 'cancelled', 'applied', 0, 1794367800000, NULL, NULL),
(247000000000000006, 'k:11', 11, 0, 'order', 'cancelling', 'cancelled', 'applied', 1, 1794367800000, NULL, NULL),
(247000000000000006, 'k:2', 2, 0, 'order', 'received', 'quoted', 'applied', 0, 1794367800000, NULL, NULL),
(247000000000000006, 'k:3', 3, 0, 'order', 'quoted', 'dispatching', 'applied', 1, 1794367800000, NULL, NULL),
(247000000000000006, 'k:4', 4, 1, 'attempt', '', 'intent', 'applied', 0, 1794367800000, NULL, NULL),
(247000000000000006, 'k:5', 5, 1, 'attempt', 'intent', 'placed', 'applied', 0, 1794367800000, NULL, NULL),
(247000000000000006, 'k:6', 6, 0, 'order', 'dispatching', 'cancelling', 'applied', 0, 1794367800000, NULL, NULL),
(247000000000000006, 'k:7', 7, 1, 'attempt', 'placed', 'cancelling', 'applied', 0, 1794367800000, NULL, NULL),
(247000000000000006, 'k:8', 8, 1, 'attempt', 'cancelling', 'placed', 'applied', 0, 1794367800000, NULL, NULL),
(247000000000000006, 'k:9', 9, 1, 'attempt', 'placed', 'cancelling', 'applied', 0, 1794367800000, NULL, NULL),
(247000000000000009, 'again', NULL, 1, 'callback', '', 'delivered', 'ignored', 0, 1794367800000, NULL, NULL),
(247000000000000009, 'create', 1, 0, 'order', '', 'received', 'applied', 0, 1794367800000, NULL, NULL),
(247000000000000009, 'k:10', 10, 2, 'attempt', 'placed', 'cancelling', 'applied', 0, 1794367800000, NULL, NULL),
(247000000000000009, 'k:11', 11, 2, 'attempt', 'cancelling', 'cancelled', 'applied', 0, 1794367800000, NULL, NULL),
(247000000000000009, 'k:12', 12, 1, 'attempt', 'accepted', 'delivered', 'applied', 0, 1794367800000, NULL, NULL),
(247000000000000009, 'k:13', 13, 1, 'order', 'assigned', 'delivered', 'applied', 1, 1794367800000, NULL, NULL),
(247000000000000009, 'k:2', 2, 0, 'order', 'received', 'quoted', 'applied', 0, 1794367800000, NULL, NULL),
(247000000000000009, 'k:3', 3, 0, 'order', 'quoted', 'dispatching', 'applied', 1, 1794367800000, NULL, NULL),
(247000000000000009, 'k:4', 4, 1, 'attempt', '', 'intent', 'applied', 0, 1794367800000, NULL, NULL),
(247000000000000009, 'k:5', 5, 1, 'attempt', 'intent', 'placed', 'applied', 0, 1794367800000, NULL, NULL),
(247000000000000009, 'k:6', 6, 2, 'attempt', '', 'intent', 'applied', 0, 1794367800000, NULL, NULL),
(247000000000000009, 'k:7', 7, 2, 'attempt', 'intent', 'placed', 'applied', 0, 1794367800000, NULL, NULL),
(247000000000000009, 'k:8', 8, 1, 'attempt', 'placed', 'accepted', 'applied', 0, 1794367800000, NULL, NULL),
(247000000000000009, 'k:9', 9, 1, 'order', 'dispatching', 'assigned', 'applied', 1, 1794367800000, NULL, NULL),
(247362387865600012, 'create', 1, 0, 'order', '', 'received', 'applied', 0, 1794367800000, NULL, NULL),
(247362387865600012, 'k:2', 2, 0, 'order', 'received', 'quoted', 'applied', 0, 1794367800000, NULL, NULL),
(247362387865600012, 'k:3', 3, 0, 'order', 'quoted', 'dispatching', 'applied', 1, 1794367800000, NULL, NULL),
(247362387865600012, 'k:4', 4, 1, 'attempt', '', 'intent', 'applied', 0, 1794367800000, NULL, NULL),
(247362387865600012, 'k:5', 5, 1, 'attempt', 'intent', 'placed', 'applied', 0, 1794367800000, NULL, NULL),
(247362387865600012, 'k:6', 6, 1, 'attempt', 'placed', 'delivered', 'applied', 0, 1794367800000, NULL, NULL),
(247362387865600012, 'k:7', 7, 1, 'order', 'dispatching', 'delivered', 'applied', 1, 1794367800000, NULL, NULL),
(247724775731200015, 'create', 1, 0, 'order', '', 'received', 'applied', 0, 1794367800000, NULL, NULL),
(247724775731200015, 'k:2', 2, 0, 'order', 'received', 'quoted', 'applied', 0, 1794367800000, NULL, NULL),
(247724775731200015, 'k:3', 3, 0, 'order', 'quoted', 'dispatching', 'applied', 1, 1794367800000, NULL, NULL),
(247724775731200015, 'k:4', 4, 1, 'attempt', '', 'intent', 'applied', 0, 1794367800000, NULL, NULL),
(247724775731200015, 'k:5', 5, 1, 'attempt', 'intent', 'placed', 'applied', 0, 1794367800000, NULL, NULL),
(247724775731200015, 'k:6', 6, 1, 'attempt', 'placed', 'delivered', 'applied', 0, 1794367800000, NULL, NULL),
(247724775731200015, 'k:7', 7, 1, 'order', 'dispatching', 'delivered', 'applied', 1, 1794367800000, NULL, NULL),
(248087163596800018, 'create', 1, 0, 'order', '', 'received', 'applied', 0, 1794367800000, NULL, NULL),
(248087163596800018, 'k:2', 2, 0, 'order', 'received', 'quoted', 'applied', 0, 1794367800000, NULL, NULL),
(248087163596800018, 'k:3', 3, 0, 'order', 'quoted', 'dispatching', 'applied', 1, 1794367800000, NULL, NULL),
(248087163596800018, 'k:4', 4, 1, 'attempt', '', 'intent', 'applied', 0, 1794367800000, NULL, NULL),
(248087163596800018, 'k:5', 5, 1, 'attempt', 'intent', 'placed', 'applied', 0, 1794367800000, NULL, NULL),
(248087163596800018, 'k:6', 6, 1, 'attempt', 'placed', 'delivered', 'applied', 0, 1794367800000, NULL, NULL),
(248087163596800018, 'k:7', 7, 1, 'order', 'dispatching', 'delivered', 'applied', 1, 1794367800000, NULL, NULL),
(248811939328000021, 'create', 1, 0, 'order', '', 'received', 'applied', 0, 1794367800000, NULL, NULL),
(248811939328000023, 'create', 1, 0, 'order', '', 'received', 'applied', 0, 1794367800000, NULL, NULL),
(248811939328000025, 'create', 1, 0, 'order', '', 'received', 'applied', 0, 1794367800000, NULL, NULL);

INSERT INTO order_command (order_id, command_key, kind, by_whom, reason, hash, received_at, epoch, applied_version, decision) VALUES
(247000000000000006, 'c1', 'cancel', 'customer', 'changed my mind', 'hash of c1', 1794367800000, 0, 5, 'applied'),
(248811939328000023, 'c2', 'cancel', 'customer', 'changed my mind', 'hash of c2', 1794367800000, 0, NULL, '');

INSERT INTO fact (order_id, n, kind, seq, amount, party, account, shard, cause, at, posted_at) VALUES
(247000000000000003, 0, 'income', 4, 1200, 'meituan', '', 0, '', 1794367800000, 1794367800000),
(247000000000000003, 1, 'capture', 2, 900, 'shansong', 'main', 0, '', 1794367800000, 1794367800000),
(247000000000000003, 1, 'hold', 1, 1000, 'shansong', 'main', 0, '', 1794367800000, 1794367800000),
(247000000000000003, 1, 'release', 3, 100, 'shansong', 'main', 0, '', 1794367800000, 1794367800000),
(247000000000000006, 0, 'penalty_in', 4, 200, 'meituan', '', 0, 'customer', 1794367800000, 1794367800000),
(247000000000000006, 1, 'hold', 1, 1000, 'shansong', 'main', 0, '', 1794367800000, 1794367800000),
(247000000000000006, 1, 'penalty', 2, 300, 'shansong', 'main', 0, 'order_cancelled', 1794367800000, 1794367800000),
(247000000000000006, 1, 'release', 3, 700, 'shansong', 'main', 0, '', 1794367800000, 1794367800000),
(247000000000000009, 0, 'income', 6, 1200, 'meituan', '', 0, '', 1794367800000, 1794367800000),
(247000000000000009, 1, 'capture', 5, 900, 'shansong', 'main', 0, '', 1794367800000, 1794367800000),
(247000000000000009, 1, 'hold', 1, 900, 'shansong', 'main', 0, '', 1794367800000, 1794367800000),
(247000000000000009, 2, 'hold', 2, 880, 'uupt', 'main', 0, '', 1794367800000, 1794367800000),
(247000000000000009, 2, 'penalty', 3, 40, 'uupt', 'main', 0, 'lost_race', 1794367800000, 1794367800000),
(247000000000000009, 2, 'release', 4, 840, 'uupt', 'main', 0, '', 1794367800000, 1794367800000),
(247362387865600012, 0, 'income', 4, 1200, 'meituan', '', 0, '', 1794367800000, 1794367800000),
(247362387865600012, 1, 'capture', 2, 900, 'shansong', 'main', 0, '', 1794367800000, 1794367800000),
(247362387865600012, 1, 'hold', 1, 1000, 'shansong', 'main', 0, '', 1794367800000, 1794367800000),
(247362387865600012, 1, 'release', 3, 100, 'shansong', 'main', 0, '', 1794367800000, 1794367800000),
(247724775731200015, 0, 'income', 4, 1200, 'meituan', '', 0, '', 1794367800000, 1794367800000),
(247724775731200015, 1, 'capture', 2, 900, 'shansong', 'main', 0, '', 1794367800000, 1794367800000),
(247724775731200015, 1, 'hold', 1, 1000, 'shansong', 'main', 0, '', 1794367800000, 1794367800000),
(247724775731200015, 1, 'release', 3, 100, 'shansong', 'main', 0, '', 1794367800000, 1794367800000),
(248087163596800018, 0, 'income', 4, 1200, 'meituan', '', 0, '', 1794367800000, 1794367800000),
(248087163596800018, 1, 'capture', 2, 900, 'shansong', 'main', 0, '', 1794367800000, 1794367800000),
(248087163596800018, 1, 'hold', 1, 1000, 'shansong', 'main', 0, '', 1794367800000, 1794367800000),
(248087163596800018, 1, 'release', 3, 100, 'shansong', 'main', 0, '', 1794367800000, 1794367800000);

INSERT INTO ledger_entry (id, tx, account, debit, amount_fen, order_id, reason, event_at, posted_at, period) VALUES
(1, 'deposit:opening-247000000000000001', 'carrier:shansong:main:prepaid', 1, 100000, 0, 'deposit', 1794367800000, 1794367800000, '2026-11'),
(2, 'deposit:opening-247000000000000001', 'bank', 0, 100000, 0, 'deposit', 1794367800000, 1794367800000, '2026-11'),
(3, 'deposit:uu', 'carrier:uupt:main:prepaid', 1, 50000, 0, 'deposit', 1794367800000, 1794367800000, '2026-11'),
(4, 'deposit:uu', 'bank', 0, 50000, 0, 'deposit', 1794367800000, 1794367800000, '2026-11'),
(5, 'fact:247000000000000003:0:income:4', 'platform:meituan:receivable', 1, 1200, 247000000000000003, 'income', 1794367800000, 1794367800000, '2026-11'),
(6, 'fact:247000000000000003:0:income:4', 'income:delivery:meituan', 0, 1200, 247000000000000003, 'income', 1794367800000, 1794367800000, '2026-11'),
(7, 'fact:247000000000000003:1:hold:1', 'carrier:shansong:main:held', 1, 1000, 247000000000000003, 'hold', 1794367800000, 1794367800000, '2026-11'),
(8, 'fact:247000000000000003:1:hold:1', 'carrier:shansong:main:prepaid', 0, 1000, 247000000000000003, 'hold', 1794367800000, 1794367800000, '2026-11'),
(9, 'fact:247000000000000003:1:capture:2', 'expense:delivery:shansong', 1, 900, 247000000000000003, 'capture', 1794367800000, 1794367800000, '2026-11'),
(10, 'fact:247000000000000003:1:capture:2', 'carrier:shansong:main:held', 0, 900, 247000000000000003, 'capture', 1794367800000, 1794367800000, '2026-11'),
(11, 'fact:247000000000000003:1:release:3', 'carrier:shansong:main:prepaid', 1, 100, 247000000000000003, 'release', 1794367800000, 1794367800000, '2026-11'),
(12, 'fact:247000000000000003:1:release:3', 'carrier:shansong:main:held', 0, 100, 247000000000000003, 'release', 1794367800000, 1794367800000, '2026-11'),
(13, 'fact:247000000000000006:0:penalty_in:4', 'platform:meituan:penalty_receivable', 1, 200, 247000000000000006, 'penalty_in:customer', 1794367800000, 1794367800000, '2026-11'),
(14, 'fact:247000000000000006:0:penalty_in:4', 'income:penalty:meituan', 0, 200, 247000000000000006, 'penalty_in:customer', 1794367800000, 1794367800000, '2026-11'),
(15, 'fact:247000000000000006:1:hold:1', 'carrier:shansong:main:held', 1, 1000, 247000000000000006, 'hold', 1794367800000, 1794367800000, '2026-11'),
(16, 'fact:247000000000000006:1:hold:1', 'carrier:shansong:main:prepaid', 0, 1000, 247000000000000006, 'hold', 1794367800000, 1794367800000, '2026-11'),
(17, 'fact:247000000000000006:1:penalty:2', 'expense:penalty:shansong:order_cancelled', 1, 300, 247000000000000006, 'penalty:order_cancelled', 1794367800000, 1794367800000, '2026-11'),
(18, 'fact:247000000000000006:1:penalty:2', 'carrier:shansong:main:held', 0, 300, 247000000000000006, 'penalty:order_cancelled', 1794367800000, 1794367800000, '2026-11'),
(19, 'fact:247000000000000006:1:release:3', 'carrier:shansong:main:prepaid', 1, 700, 247000000000000006, 'release', 1794367800000, 1794367800000, '2026-11'),
(20, 'fact:247000000000000006:1:release:3', 'carrier:shansong:main:held', 0, 700, 247000000000000006, 'release', 1794367800000, 1794367800000, '2026-11'),
(21, 'fact:247000000000000009:0:income:6', 'platform:meituan:receivable', 1, 1200, 247000000000000009, 'income', 1794367800000, 1794367800000, '2026-11'),
(22, 'fact:247000000000000009:0:income:6', 'income:delivery:meituan', 0, 1200, 247000000000000009, 'income', 1794367800000, 1794367800000, '2026-11'),
(23, 'fact:247000000000000009:1:hold:1', 'carrier:shansong:main:held', 1, 900, 247000000000000009, 'hold', 1794367800000, 1794367800000, '2026-11'),
(24, 'fact:247000000000000009:1:hold:1', 'carrier:shansong:main:prepaid', 0, 900, 247000000000000009, 'hold', 1794367800000, 1794367800000, '2026-11'),
(25, 'fact:247000000000000009:1:capture:5', 'expense:delivery:shansong', 1, 900, 247000000000000009, 'capture', 1794367800000, 1794367800000, '2026-11'),
(26, 'fact:247000000000000009:1:capture:5', 'carrier:shansong:main:held', 0, 900, 247000000000000009, 'capture', 1794367800000, 1794367800000, '2026-11'),
(27, 'fact:247000000000000009:2:hold:2', 'carrier:uupt:main:held', 1, 880, 247000000000000009, 'hold', 1794367800000, 1794367800000, '2026-11'),
(28, 'fact:247000000000000009:2:hold:2', 'carrier:uupt:main:prepaid', 0, 880, 247000000000000009, 'hold', 1794367800000, 1794367800000, '2026-11'),
(29, 'fact:247000000000000009:2:penalty:3', 'expense:penalty:uupt:lost_race', 1, 40, 247000000000000009, 'penalty:lost_race', 1794367800000, 1794367800000, '2026-11'),
(30, 'fact:247000000000000009:2:penalty:3', 'carrier:uupt:main:held', 0, 40, 247000000000000009, 'penalty:lost_race', 1794367800000, 1794367800000, '2026-11'),
(31, 'fact:247000000000000009:2:release:4', 'carrier:uupt:main:prepaid', 1, 840, 247000000000000009, 'release', 1794367800000, 1794367800000, '2026-11'),
(32, 'fact:247000000000000009:2:release:4', 'carrier:uupt:main:held', 0, 840, 247000000000000009, 'release', 1794367800000, 1794367800000, '2026-11'),
(33, 'fact:247362387865600012:0:income:4', 'platform:meituan:receivable', 1, 1200, 247362387865600012, 'income', 1794367800000, 1794367800000, '2026-11'),
(34, 'fact:247362387865600012:0:income:4', 'income:delivery:meituan', 0, 1200, 247362387865600012, 'income', 1794367800000, 1794367800000, '2026-11'),
(35, 'fact:247362387865600012:1:hold:1', 'carrier:shansong:main:held', 1, 1000, 247362387865600012, 'hold', 1794367800000, 1794367800000, '2026-11'),
(36, 'fact:247362387865600012:1:hold:1', 'carrier:shansong:main:prepaid', 0, 1000, 247362387865600012, 'hold', 1794367800000, 1794367800000, '2026-11'),
(37, 'fact:247362387865600012:1:capture:2', 'expense:delivery:shansong', 1, 900, 247362387865600012, 'capture', 1794367800000, 1794367800000, '2026-11'),
(38, 'fact:247362387865600012:1:capture:2', 'carrier:shansong:main:held', 0, 900, 247362387865600012, 'capture', 1794367800000, 1794367800000, '2026-11'),
(39, 'fact:247362387865600012:1:release:3', 'carrier:shansong:main:prepaid', 1, 100, 247362387865600012, 'release', 1794367800000, 1794367800000, '2026-11'),
(40, 'fact:247362387865600012:1:release:3', 'carrier:shansong:main:held', 0, 100, 247362387865600012, 'release', 1794367800000, 1794367800000, '2026-11'),
(41, 'fact:247724775731200015:0:income:4', 'platform:meituan:receivable', 1, 1200, 247724775731200015, 'income', 1794367800000, 1794367800000, '2026-11'),
(42, 'fact:247724775731200015:0:income:4', 'income:delivery:meituan', 0, 1200, 247724775731200015, 'income', 1794367800000, 1794367800000, '2026-11'),
(43, 'fact:247724775731200015:1:hold:1', 'carrier:shansong:main:held', 1, 1000, 247724775731200015, 'hold', 1794367800000, 1794367800000, '2026-11'),
(44, 'fact:247724775731200015:1:hold:1', 'carrier:shansong:main:prepaid', 0, 1000, 247724775731200015, 'hold', 1794367800000, 1794367800000, '2026-11'),
(45, 'fact:247724775731200015:1:capture:2', 'expense:delivery:shansong', 1, 900, 247724775731200015, 'capture', 1794367800000, 1794367800000, '2026-11'),
(46, 'fact:247724775731200015:1:capture:2', 'carrier:shansong:main:held', 0, 900, 247724775731200015, 'capture', 1794367800000, 1794367800000, '2026-11'),
(47, 'fact:247724775731200015:1:release:3', 'carrier:shansong:main:prepaid', 1, 100, 247724775731200015, 'release', 1794367800000, 1794367800000, '2026-11'),
(48, 'fact:247724775731200015:1:release:3', 'carrier:shansong:main:held', 0, 100, 247724775731200015, 'release', 1794367800000, 1794367800000, '2026-11'),
(49, 'fact:248087163596800018:0:income:4', 'platform:meituan:receivable', 1, 1200, 248087163596800018, 'income', 1794367800000, 1794367800000, '2026-11'),
(50, 'fact:248087163596800018:0:income:4', 'income:delivery:meituan', 0, 1200, 248087163596800018, 'income', 1794367800000, 1794367800000, '2026-11'),
(51, 'fact:248087163596800018:1:hold:1', 'carrier:shansong:main:held', 1, 1000, 248087163596800018, 'hold', 1794367800000, 1794367800000, '2026-11'),
(52, 'fact:248087163596800018:1:hold:1', 'carrier:shansong:main:prepaid', 0, 1000, 248087163596800018, 'hold', 1794367800000, 1794367800000, '2026-11'),
(53, 'fact:248087163596800018:1:capture:2', 'expense:delivery:shansong', 1, 900, 248087163596800018, 'capture', 1794367800000, 1794367800000, '2026-11'),
(54, 'fact:248087163596800018:1:capture:2', 'carrier:shansong:main:held', 0, 900, 248087163596800018, 'capture', 1794367800000, 1794367800000, '2026-11'),
(55, 'fact:248087163596800018:1:release:3', 'carrier:shansong:main:prepaid', 1, 100, 248087163596800018, 'release', 1794367800000, 1794367800000, '2026-11'),
(56, 'fact:248087163596800018:1:release:3', 'carrier:shansong:main:held', 0, 100, 248087163596800018, 'release', 1794367800000, 1794367800000, '2026-11');

INSERT INTO ledger_key (source, k, hash) VALUES
('deposit', 'opening-247000000000000001', 'e50009c23e8576f70880382e17e69ba67257699d645986a9ace57cb1cf65b36e'),
('deposit', 'uu', 'd057652f632e9da6b7510be4c159edf4d88c67489c5ff5b75b3372b54af59163');

INSERT INTO prepaid_shard (carrier, account, shard, free_fen) VALUES
('shansong', 'main', 0, 28534),
('shansong', 'main', 1, 33333),
('shansong', 'main', 2, 33333),
('uupt', 'main', 0, 49960);

INSERT INTO shop (platform, code, city, city_name, stop) VALUES
('jd', 's1', '330100', '杭州市', '{"name":"奎元馆","phone":"057187028626","address":"解放路 154 号","point":{"lng":120.1551,"lat":30.2741}}');

INSERT INTO strategy (name, version, body, active) VALUES
('default', 1, '{"name":"default","version":1,"match":{},"mode":"cheapest","carriers":["uupt"],"quote":{"deadline":"0s"},"accept_timeout":"0s","give_up_after":"0s","release_lead":"0s","limits":{}}', 1);

INSERT INTO dead_letter (id, msg_key, topic, body, at, tries, state) VALUES
(1, 'm1#0', 'carrier-event', x'018f29a3b0c1f8c1015bb2d55a91ac3056a5cee067111355c6f539b27e022a539aa41590c4061ad6159cbc374695da3298e8d78c3803be', 1794367800000, 0, 'redriven');
