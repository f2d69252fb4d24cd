package store

// The rules that SQL checks alone. Derived tables are grouped along primary keys, so that
// nothing is sorted; each check reads a table once.
var sqlRules = []sqlRule{
	{rule{1, "every order wakes or is closed", Always},
		"SELECT COUNT(*) FROM orders",
		`SELECT o.id, CONCAT('sleeps in state ', o.state, ', told ', o.told, ' of ', o.milestone) FROM orders o WHERE o.wake_at IS NULL AND (o.state NOT IN ` + finalStates + ` OR o.told < o.milestone
 OR EXISTS (SELECT 1 FROM attempt a WHERE a.order_id = o.id AND a.state NOT IN ` + finalAttempts + `)
 OR EXISTS (SELECT 1 FROM fact f WHERE f.order_id = o.id AND f.posted_at IS NULL)
 OR EXISTS (SELECT 1 FROM order_command c WHERE c.order_id = o.id AND c.applied_version IS NULL))`},
	{rule{1, "every acknowledged number has its order", Always},
		"SELECT COUNT(*) FROM order_key WHERE order_id > 0",
		`SELECT k.order_id, CONCAT(k.platform, ' ', k.no, ' has no order') FROM order_key k LEFT JOIN orders o ON o.id = k.order_id
 WHERE k.order_id > 0 AND k.order_id >= {retired} AND (o.id IS NULL OR o.platform <> k.platform OR o.no <> k.no)`},
	{rule{1, "every acknowledged command is answered", AtRest},
		"SELECT COUNT(*) FROM order_command",
		`SELECT order_id, CONCAT(kind, ' ', command_key, ' was never answered') FROM order_command WHERE applied_version IS NULL AND received_at < {cut}`},
	{rule{2, "one attempt at most is booked as the delivery", Always},
		"SELECT COUNT(*) FROM orders WHERE state = 'delivered'",
		`SELECT order_id, CONCAT(COUNT(*), ' attempts are') FROM (SELECT order_id, n FROM fact WHERE kind = 'capture' GROUP BY order_id, n HAVING SUM(amount) <> 0) x
 GROUP BY order_id HAVING COUNT(*) > 1`},
	{rule{2, "any other charge is itemised as lost race, with an alarm", Always},
		"SELECT COUNT(*) FROM attempt WHERE booked_fen <> 0",
		`SELECT a.order_id, CONCAT('attempt ', a.n, ' was charged ', a.booked_fen, ' and is not the winner') FROM attempt a JOIN orders o ON o.id = a.order_id
 WHERE a.booked_fen <> 0 AND a.n <> o.winner AND (o.attention = '' AND NOT EXISTS (SELECT 1 FROM order_command r
 WHERE r.order_id = o.id AND r.kind = 'resolve' AND r.decision LIKE 'applied%') OR a.booked_fen > COALESCE((SELECT SUM(f.amount) FROM fact f
 WHERE f.order_id = a.order_id AND f.n = a.n AND f.kind = 'penalty' AND f.cause = 'lost_race'), 0))`},
	{rule{3, "debits equal credits in each transaction", Always},
		"SELECT COUNT(*) FROM ledger_entry",
		`SELECT MAX(order_id), CONCAT(tx, ' is off by ', ` + signed + `) FROM ledger_entry GROUP BY tx HAVING ` + signed + ` <> 0`},
	{rule{6, "no hold on a closed order", Always},
		"SELECT COUNT(*) FROM orders WHERE wake_at IS NULL",
		`SELECT a.order_id, CONCAT('attempt ', a.n, ' holds ', a.held_fen) FROM attempt a JOIN orders o ON o.id = a.order_id WHERE a.held_fen <> 0 AND o.wake_at IS NULL`},
	{rule{7, "versions have no gaps", Always},
		"SELECT COUNT(*) FROM orders",
		`SELECT o.id, CONCAT('version ', o.version, ', history ', COALESCE(e.many, 0), ' lines up to ', COALESCE(e.last, 0)) FROM orders o
 LEFT JOIN (SELECT order_id, COUNT(version) AS many, MAX(version) AS last FROM order_event GROUP BY order_id) e ON e.order_id = o.id
 WHERE COALESCE(e.many, 0) <> o.version OR COALESCE(e.last, 0) <> o.version`},
	// What is entered less what is left telescopes to the present state.
	{rule{7, "history leads to the order's state", Always},
		"SELECT COUNT(*) FROM orders",
		`SELECT o.id, CONCAT('history does not end in ', o.state) FROM orders o
 LEFT JOIN (SELECT order_id, ` + telescoped + ` AS path FROM order_event WHERE kind = 'order' AND version IS NOT NULL GROUP BY order_id) e ON e.order_id = o.id
 WHERE COALESCE(e.path, -1) <> CRC32(o.state)`},
	{rule{7, "history leads to the attempt's state", Always},
		"SELECT COUNT(*) FROM attempt",
		`SELECT a.order_id, CONCAT('history of attempt ', a.n, ' does not end in ', a.state) FROM attempt a
 LEFT JOIN (SELECT order_id, n, ` + telescoped + ` AS path FROM order_event WHERE kind = 'attempt' AND version IS NOT NULL GROUP BY order_id, n) e ON e.order_id = a.order_id AND e.n = a.n
 WHERE COALESCE(e.path, -1) <> CRC32(a.state)`},
	{rule{8, "a number is one order", Always},
		"SELECT COUNT(*) FROM orders",
		`SELECT o.id, CONCAT(o.platform, ' ', o.no, ' is order ', COALESCE(k.order_id, 0)) FROM orders o LEFT JOIN order_key k ON k.platform = o.platform AND k.no = o.no
 WHERE COALESCE(k.order_id, 0) <> o.id AND o.id >= {retired}`},
	{rule{8, "facts are stated once", Always},
		"SELECT COUNT(*) FROM fact",
		`SELECT o.id, CONCAT('the order counts ', o.fact_seq, ' facts, there are ', COALESCE(f.many, 0)) FROM orders o
 LEFT JOIN (SELECT order_id, COUNT(*) AS many, COUNT(DISTINCT seq) AS seqs, MAX(seq) AS last FROM fact GROUP BY order_id) f ON f.order_id = o.id
 WHERE COALESCE(f.many, 0) <> o.fact_seq OR COALESCE(f.seqs, 0) <> o.fact_seq OR COALESCE(f.last, 0) <> o.fact_seq`},
	{rule{8, "each posted fact is one transaction", Always},
		"SELECT COUNT(*) FROM fact WHERE posted_at IS NOT NULL",
		`SELECT o.id, CONCAT(COALESCE(f.posted, 0), ' facts are posted in ', COALESCE(e.many, 0), ' entries') FROM orders o
 LEFT JOIN (SELECT order_id, COUNT(posted_at) AS posted FROM fact GROUP BY order_id) f ON f.order_id = o.id
 LEFT JOIN (SELECT order_id, SUM(tx LIKE 'fact:%') AS many FROM ledger_entry GROUP BY order_id) e ON e.order_id = o.id
 WHERE COALESCE(e.many, 0) <> 2 * COALESCE(f.posted, 0)`},
	{rule{9, "the platform owes what the order's end says", Always},
		"SELECT COUNT(*) FROM orders",
		`SELECT o.id, CONCAT(o.state, ', fee ', o.fee_fen, ', 违约金 ', o.penalty_fen, ': booked ', COALESCE(f.income, 0), ' and ', COALESCE(f.penalty, 0)) FROM orders o
 LEFT JOIN (SELECT order_id, SUM(IF(kind = 'income', amount, 0)) AS income, SUM(IF(kind = 'penalty_in', amount, 0)) AS penalty FROM fact WHERE n = 0 GROUP BY order_id) f ON f.order_id = o.id
 WHERE COALESCE(f.income, 0) <> IF(o.state = 'delivered', o.fee_fen, 0) OR COALESCE(f.penalty, 0) <> IF(o.state IN ('cancelled', 'returned') AND o.goal = 'cancelled', o.penalty_fen, 0)`},
	{rule{9, "an attempt is the fold of its facts", Always},
		"SELECT COUNT(*) FROM attempt",
		`SELECT a.order_id, CONCAT('attempt ', a.n, ' holds ', a.held_fen, ' and cost ', a.booked_fen + a.penalty_fen, ', its facts ', COALESCE(f.held, 0), ' and ', COALESCE(f.cost, 0)) FROM attempt a
 LEFT JOIN (SELECT order_id, n, ` + heldByFacts + ` AS held, ` + costByFacts + ` AS cost FROM fact WHERE n > 0 GROUP BY order_id, n) f ON f.order_id = a.order_id AND f.n = a.n
 WHERE a.held_fen <> COALESCE(f.held, 0) OR a.booked_fen + a.penalty_fen <> COALESCE(f.cost, 0)`},
	{rule{10, "a carrier's number is one attempt", Always},
		"SELECT COUNT(*) FROM attempt WHERE carrier_no > ''",
		`SELECT a.order_id, CONCAT(a.carrier, ' ', a.carrier_no, ' of attempt ', a.n, ' stands for ', COALESCE(r.order_id, 0), '/', COALESCE(r.n, 0)) FROM attempt a
 LEFT JOIN carrier_ref r ON r.carrier = a.carrier AND r.carrier_no = a.carrier_no WHERE a.carrier_no > '' AND a.order_id >= {retired} AND (r.order_id IS NULL OR r.order_id <> a.order_id OR r.n <> a.n)`},
	{rule{10, "every parked event is decided", AtRest},
		"SELECT COUNT(*) FROM parked_event",
		`SELECT 0, CONCAT(carrier, ' ', our_no, ' ', carrier_no, ' is undecided') FROM parked_event WHERE (due_at IS NOT NULL AND first_at < {parked}) OR (due_at IS NULL AND decision = '')`},
	{rule{11, "the platform was told every milestone", AtRest},
		"SELECT COUNT(*) FROM orders",
		`SELECT o.id, CONCAT('told ', o.told, ' of ', o.milestone) FROM orders o JOIN order_event e ON e.order_id = o.id AND e.version = o.milestone WHERE o.told < o.milestone AND e.at < {cut}`},
	{rule{11, "the last milestone is known, and is the end of what is over", Always},
		"SELECT COUNT(*) FROM orders",
		`SELECT o.id, CONCAT('milestone ', o.milestone, ' of an order ', o.state, ', history has ', COALESCE(m.last, 0), ' ', COALESCE(e.to_name, '')) FROM orders o
 LEFT JOIN (SELECT order_id, MAX(IF(milestone, version, 0)) AS last FROM order_event GROUP BY order_id) m ON m.order_id = o.id
 LEFT JOIN order_event e ON e.order_id = o.id AND e.version = o.milestone
 WHERE COALESCE(m.last, 0) <> o.milestone OR (o.state IN ` + finalStates + ` AND COALESCE(e.to_name, '') <> o.state)`},
}

// telescoped sums the names of what is entered less those of what is left. The name of
// nothing is 0, so a path without gaps sums up to where it ends.
const telescoped = "SUM(CAST(CRC32(to_name) AS SIGNED) - CAST(CRC32(from_name) AS SIGNED))"
