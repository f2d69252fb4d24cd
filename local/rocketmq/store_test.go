package rocketmq

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
)

func TestInvisibleTimeEndsInRedelivery(t *testing.T) {
	t.Parallel()
	r := newRig(t, Group{Name: "g"})
	w := r.want(Normal, "g", 10)
	r.send(wire(Normal, "1", "a"))
	r.send(wire(Normal, "2", "b"))
	first := r.take(w)
	require.Equal(t, []string{"a", "b"}, bodies(first))
	require.Empty(t, r.take(w), "both are in flight")

	r.pass(9 * time.Second)
	require.Empty(t, r.take(w))
	require.Equal(t, v2.Code_OK, r.ack(first[1]))
	r.pass(2 * time.Second)
	r.send(wire(Normal, "3", "c"))
	again := r.take(w)
	require.Equal(t, []string{"a", "c"}, bodies(again), "the older one first")
	require.EqualValues(t, 2, again[0].attempt)
	require.Equal(t, v2.Code_INVALID_RECEIPT_HANDLE, r.ack(first[0]), "its time is over")
	require.Equal(t, v2.Code_OK, r.ack(again[0]))
	require.Equal(t, v2.Code_OK, r.ack(again[0]), "again")
	require.Equal(t, counts{sent: 3, delivered: 4, redelivered: 1, acked: 2}, r.s.counts)
}

func TestChangedInvisibleTime(t *testing.T) {
	t.Parallel()
	r := newRig(t, Group{Name: "g"})
	w := r.want(Normal, "g", 1)
	r.send(wire(Normal, "1", "a"))
	d := r.take(w)[0]
	longer, code := r.park(d, time.Minute)
	require.Equal(t, v2.Code_OK, code)
	_, code = r.park(d, time.Second)
	require.Equal(t, v2.Code_INVALID_RECEIPT_HANDLE, code, "superseded")
	r.pass(59 * time.Second)
	require.Empty(t, r.take(w))
	longer, code = r.park(longer, time.Hour)
	require.Equal(t, v2.Code_OK, code, "once more, by the new handle")
	now, code := r.park(longer, 0)
	require.Equal(t, v2.Code_OK, code)
	require.Equal(t, v2.Code_INVALID_RECEIPT_HANDLE, func() v2.Code { _, c := r.park(now, time.Second); return c }(),
		"it is nobody's any more")
	second := r.take(w)
	require.EqualValues(t, 2, second[0].attempt, "visible at once")
	require.Equal(t, v2.Code_INVALID_RECEIPT_HANDLE, r.ack(longer), "delivered to somebody else since")
	require.Equal(t, v2.Code_OK, r.ack(second[0]))
	_, code = r.park(second[0], time.Second)
	require.Equal(t, v2.Code_INVALID_RECEIPT_HANDLE, code, "acknowledged")
}

func TestAckBySupersededHandle(t *testing.T) {
	t.Parallel()
	r := newRig(t, Group{Name: "g"})
	w := r.want(Normal, "g", 1)
	r.send(wire(Normal, "1", "a"))
	d := r.take(w)[0]
	_, code := r.park(d, time.Minute)
	require.Equal(t, v2.Code_OK, code)
	require.Equal(t, v2.Code_OK, r.ack(d), "the same delivery is meant")
	r.pass(2 * time.Minute)
	require.Empty(t, r.take(w))
}

func TestOutOfAttempts(t *testing.T) {
	t.Parallel()
	r := newRig(t, Group{Name: "g", MaxAttempts: 2}, Group{Name: "reader"})
	w := r.want(Normal, "g", 1)
	r.send(wire(Normal, "1", "a", withTag("T")))
	for range 2 {
		require.Len(t, r.take(w), 1)
		r.pass(11 * time.Second)
	}
	require.Empty(t, r.take(w))
	letters := r.take(r.want("%DLQ%g", "reader", 5))
	require.Equal(t, []string{"a"}, bodies(letters))
	require.Equal(t, "1", letters[0].m.id)
	require.Equal(t, "T", letters[0].m.tag())
	require.Equal(t, "NORMAL", letters[0].m.origin)
	require.EqualValues(t, 1, letters[0].attempt)
	require.EqualValues(t, 1, r.s.counts.dead)
}

func TestForwardToDeadLetters(t *testing.T) {
	t.Parallel()
	r := newRig(t, Group{Name: "g"}, Group{Name: "reader"})
	r.send(wire(Normal, "1", "a"))
	d := r.take(r.want(Normal, "g", 1))[0]
	for range 2 {
		r.s.update(func(now time.Time) { require.Equal(t, v2.Code_OK, r.s.kill(d.handle, now)) })
	}
	require.Len(t, r.take(r.want("%DLQ%g", "reader", 5)), 1, "a repeat makes no second one")
}

func TestTagFilterSkipsForGood(t *testing.T) {
	t.Parallel()
	r := newRig(t, Group{Name: "g"}, Group{Name: "other"})
	w := r.want(Normal, "g", 10)
	w.tags = parseTags("A || C")
	all := r.want(Normal, "other", 10)
	for _, tag := range []string{"A", "B", "C"} {
		r.send(wire(Normal, tag, tag, withTag(tag)))
	}
	r.send(wire(Normal, "none", "none"))
	require.Equal(t, []string{"A", "C"}, bodies(r.take(w)))
	w.tags = parseTags("*")
	require.Empty(t, r.take(w))
	require.Equal(t, []string{"A", "B", "C", "none"}, bodies(r.take(all)), "other groups are not concerned")
}

func TestLateGroupGetsWhatIsLeft(t *testing.T) {
	t.Parallel()
	r := newRig(t, Group{Name: "early"}, Group{Name: "late"})
	r.send(wire(Normal, "1", "a"))
	r.send(wire(Normal, "2", "b"))
	early := r.want(Normal, "early", 10)
	got := r.take(early)
	require.Equal(t, []string{"a", "b"}, bodies(got), "sent before anybody subscribed")
	require.Equal(t, v2.Code_OK, r.ack(got[0]))
	require.Equal(t, []string{"b"}, bodies(r.take(r.want(Normal, "late", 10))))
}

func TestRenewalLastsAsLongAsTheClient(t *testing.T) {
	t.Parallel()
	r := newRig(t, Group{Name: "g"})
	living := true
	r.s.alive = func(client string) bool { return living && client == "push" }
	w := r.want(Normal, "g", 1)
	w.renew, w.client, w.invisible = true, "push", renewedInvisible
	r.send(wire(Normal, "1", "a"))
	r.send(wire(Normal, "2", "b"))
	held, left := r.take(w)[0], r.take(w)[0]
	for range 10 {
		r.pass(time.Minute)
		require.Empty(t, r.take(w))
	}
	require.Equal(t, v2.Code_OK, r.ack(held), "still its own after ten minutes")
	living = false
	r.pass(time.Minute + time.Second)
	require.Equal(t, []string{"b"}, bodies(r.take(w)))
	require.Equal(t, v2.Code_INVALID_RECEIPT_HANDLE, r.ack(left))
}

func TestRenewalEnds(t *testing.T) {
	t.Parallel()
	r := newRig(t, Group{Name: "g"})
	r.s.alive = func(string) bool { return true }
	w := r.want(Normal, "g", 1)
	w.renew, w.invisible = true, renewedInvisible
	r.send(wire(Normal, "1", "a"))
	require.Len(t, r.take(w), 1)
	for range 179 {
		r.pass(time.Minute)
		require.Empty(t, r.take(w))
	}
	r.pass(2 * time.Minute)
	require.Len(t, r.take(w), 1)
}

func TestRepeatedReceiveOfAnOrderedGroup(t *testing.T) {
	t.Parallel()
	r := newRig(t, Group{Name: "g", Ordered: true})
	w := r.want(FIFO, "g", 10)
	w.attemptID = "try"
	r.send(wire(FIFO, "1", "a", ofGroup("x")))
	r.send(wire(FIFO, "2", "b", ofGroup("x")))
	first := r.take(w)
	require.Equal(t, []string{"a", "b"}, bodies(first))
	again := r.take(w)
	require.Equal(t, first, again)
	require.Equal(t, v2.Code_OK, r.ack(again[0]))
	require.Equal(t, []string{"b"}, bodies(r.take(w)))
	require.Equal(t, v2.Code_OK, r.ack(again[1]))
	require.Empty(t, r.take(w))
}

func TestOrderedGroupOnNormalTopicIsOneLine(t *testing.T) {
	t.Parallel()
	r := newRig(t, Group{Name: "g", Ordered: true}, Group{Name: "free"})
	r.send(wire(FIFO, "1", "a", ofGroup("x")))
	r.send(wire(FIFO, "2", "b", ofGroup("x")))
	one := r.want(FIFO, "g", 1)
	require.Len(t, r.take(one), 1)
	require.Empty(t, r.take(one))
	free := r.want(FIFO, "free", 1)
	require.Len(t, r.take(free), 1)
	require.Len(t, r.take(free), 1, "a group without order is not held up")
}

// TestOrder: whatever is acknowledged, parked or left to expire, a message of a message group is delivered only when
// every earlier one of that message group is finished, or goes out with it.
func TestOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		r := newRig(t, Group{Name: "g", Ordered: true, MaxAttempts: 1000})
		w := r.want(FIFO, "g", 1)
		finished := map[uint64]bool{}
		sent := map[string][]uint64{} // sequence numbers by message group
		var out []delivery
		n := 0
		deliver := func(limit int) {
			w.limit = limit
			batch := map[uint64]bool{}
			last := map[string]uint64{}
			for _, d := range r.take(w) {
				lock := d.m.lock()
				require.Greater(rt, d.m.seq, last[lock], "order within a batch")
				last[lock] = d.m.seq
				for _, earlier := range sent[lock] {
					if earlier < d.m.seq {
						require.True(rt, finished[earlier] || batch[earlier], "%d before %d", d.m.seq, earlier)
					}
				}
				batch[d.m.seq] = true
				out = append(out, d)
			}
		}
		pick := func() (delivery, bool) {
			if len(out) == 0 {
				return delivery{}, false
			}
			i := rapid.IntRange(0, len(out)-1).Draw(rt, "which")
			d := out[i]
			out = append(out[:i], out[i+1:]...)
			return d, true
		}
		finish := func(d delivery) {
			if r.ack(d) == v2.Code_OK {
				finished[d.m.seq] = true
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"send": func(rt *rapid.T) {
				n++
				group := rapid.SampledFrom([]string{"x", "y", "z"}).Draw(rt, "group")
				r.send(wire(FIFO, fmt.Sprint(n), "b", ofGroup(group)))
				sent[group] = append(sent[group], r.s.seq)
			},
			"take": func(rt *rapid.T) { deliver(rapid.IntRange(1, 5).Draw(rt, "limit")) },
			"ack": func(*rapid.T) {
				if d, ok := pick(); ok {
					finish(d)
				}
			},
			"park": func(rt *rapid.T) {
				if d, ok := pick(); ok {
					r.park(d, time.Duration(rapid.IntRange(0, 20).Draw(rt, "seconds"))*time.Second)
				}
			},
			"pass": func(rt *rapid.T) { r.pass(time.Duration(rapid.IntRange(1, 12).Draw(rt, "seconds")) * time.Second) },
		})
		// In the end everything is delivered and acknowledged.
		for range 200 {
			r.pass(30 * time.Second)
			deliver(32)
			for len(out) > 0 {
				finish(out[0])
				out = out[1:]
			}
		}
		require.Empty(rt, w.sub.entries)
		require.Empty(rt, w.sub.lanes)
		require.Empty(rt, r.s.messages)
		require.Zero(rt, r.virtual.tokens())
		require.Zero(rt, w.sub.count)
	})
}

func TestDelayBySystemTime(t *testing.T) {
	t.Parallel()
	r := newRig(t, Group{Name: "g"})
	w := r.want(Delay, "g", 10)
	r.send(wire(Delay, "1", "later", dueAt(noon.Add(2*time.Minute))))
	r.send(wire(Delay, "2", "sooner", dueAt(noon.Add(time.Minute))))
	r.send(wire(Delay, "3", "past", dueAt(noon.Add(-time.Minute))))
	next := func() string {
		got := r.take(w)
		require.Len(t, got, 1)
		require.Equal(t, v2.Code_OK, r.ack(got[0]))
		return string(got[0].m.wire.GetBody())
	}
	require.Equal(t, "past", next())
	r.pass(59 * time.Second)
	require.Empty(t, r.take(w))
	r.pass(time.Second)
	require.Equal(t, "sooner", next())
	r.virtual.advance(time.Hour)
	require.Empty(t, r.take(w), "virtual time is not asked for")
	r.pass(time.Minute)
	require.Equal(t, "later", next())
}

func TestDelayByVirtualTime(t *testing.T) {
	t.Parallel()
	r := newRig(t, Group{Name: "g"})
	w := r.want(Delay, "g", 10)
	r.send(wire(Delay, "1", "a", dueAt(noon.Add(time.Second)), virtualDue(noon.Add(30*time.Minute))))
	r.send(wire(Delay, "2", "b", dueAt(noon.Add(time.Hour)), virtualDue(noon.Add(-time.Minute))))
	require.Equal(t, []string{"b"}, bodies(r.take(w)), "its virtual due is past")
	r.pass(time.Second)
	require.Empty(t, r.take(w), "the delivery timestamp does not count")

	got := make(chan []delivery, 1)
	go func() { got <- r.s.receive(t.Context(), w) }()
	require.Eventually(t, func() bool {
		r.s.mu.Lock()
		defer r.s.mu.Unlock()
		return len(w.sub.waiters) == 1
	}, 10*time.Second, time.Millisecond)
	r.virtual.advance(30 * time.Minute)
	require.Equal(t, []string{"a"}, bodies(<-got), "the waiting receive gets it at once")
}

func TestRecall(t *testing.T) {
	t.Parallel()
	r := newRig(t, Group{Name: "g"})
	w := r.want(Delay, "g", 10)
	r.send(wire(Delay, "sys", "a", dueAt(noon.Add(time.Minute))))
	r.send(wire(Delay, "virt", "b", dueAt(noon.Add(time.Minute)), virtualDue(noon.Add(time.Hour))))
	r.send(wire(Delay, "kept", "c", dueAt(noon.Add(time.Minute))))
	recall := func(id string) (found bool) {
		r.s.update(func(time.Time) { found = r.s.recall("DELAY", id) })
		return found
	}
	for _, id := range []string{"sys", "virt", "sys", "virt"} {
		require.True(t, recall(id), id)
	}
	require.False(t, recall("unknown"))
	require.EqualValues(t, 2, r.s.counts.recalled)
	require.Equal(t, 1, r.s.topics["DELAY"].delayed)
	r.pass(time.Hour)
	r.virtual.advance(2 * time.Hour)
	require.Equal(t, []string{"c"}, bodies(r.take(w)))
	for _, id := range []string{"sys", "virt", "kept"} {
		require.False(t, recall(id), "its time is over")
	}
	require.Zero(t, r.s.topics["DELAY"].delayed)
	require.Len(t, r.s.messages, 1)
}

func TestTransaction(t *testing.T) {
	t.Parallel()
	r := newRig(t, Group{Name: "g"})
	var asked []string
	willing := false
	r.s.check = func(m *message) bool {
		asked = append(asked, fmt.Sprintf("%s/%d", m.id, m.checks+1))
		return willing
	}
	w := r.want(Transaction, "g", 10)
	for _, id := range []string{"commit", "rollback", "open"} {
		r.send(wire(Transaction, id, id, asTransaction))
		r.send(wire(Transaction, id, id, asTransaction)) // the producer heard no answer
	}
	end := func(id string, commit bool) {
		r.s.update(func(time.Time) { r.s.endTransaction(r.s.halves[id], commit) })
	}
	require.Empty(t, r.take(w))
	end("commit", true)
	end("rollback", false)
	got := r.take(w)
	require.Equal(t, []string{"commit"}, bodies(got), "once")
	require.Equal(t, "commit", got[0].m.wire.GetUserProperties()[transactionID])
	require.Equal(t, v2.Code_OK, r.ack(got[0]))

	r.pass(7 * time.Second)
	require.Equal(t, []string{"open/1"}, asked, "no producer took it")
	willing = true
	for range 15 {
		r.pass(7 * time.Second)
	}
	require.Len(t, asked, 16)
	require.Equal(t, "open/15", asked[15])
	require.Equal(t, 1, r.s.topics["TRANSACTION"].half)
	r.pass(7 * time.Second)
	require.Zero(t, r.s.topics["TRANSACTION"].half)
	require.Empty(t, r.take(w))
	require.Len(t, r.s.topics[maxChecksTopic].messages, 1, "given up")
}

func TestTokens(t *testing.T) {
	t.Parallel()
	r := newRig(t, Group{Name: "g", MaxAttempts: 2}, Group{Name: "h"})
	tokens := func(n int, when string) {
		t.Helper()
		require.Equal(t, n, r.virtual.tokens(), when)
	}
	r.send(wire(Normal, "1", "a"))
	tokens(0, "nobody has subscribed")
	g, h := r.want(Normal, "g", 1), r.want(Normal, "h", 1)
	tokens(2, "one for each group")
	require.Equal(t, v2.Code_OK, r.ack(r.take(h)[0]))
	tokens(1, "h is done")
	d := r.take(g)[0]
	tokens(1, "in flight")
	_, code := r.park(d, time.Minute)
	require.Equal(t, v2.Code_OK, code)
	tokens(0, "parked")
	r.pass(time.Minute)
	tokens(1, "visible again")
	r.take(g)
	r.pass(10 * time.Second)
	tokens(0, "dead, and nobody reads the dead letters")
	r.want("%DLQ%g", "h", 1)
	tokens(1, "somebody does")

	r.send(wire(Delay, "2", "b", dueAt(noon.Add(time.Hour)), virtualDue(noon.Add(time.Hour))))
	r.send(wire(Transaction, "3", "c", asTransaction))
	delay, tx := r.want(Delay, "g", 1), r.want(Transaction, "g", 1)
	tokens(1, "delayed and half messages hold none")
	r.virtual.advance(time.Hour)
	tokens(2, "due")
	r.s.update(func(time.Time) { r.s.endTransaction(r.s.halves["3"], true) })
	tokens(3, "committed")
	tx.tags = parseTags("none")
	require.Empty(t, r.take(tx))
	tokens(2, "filtered out")
	r.take(delay)
	r.s.update(func(time.Time) { r.s.shut() })
	tokens(0, "shut")
}

// TestWakeUps: receives that wait get what comes, each message goes to one, and none sleeps over a ready message.
func TestWakeUps(t *testing.T) {
	t.Parallel()
	r := newRig(t, Group{Name: "g"})
	w := r.want(Normal, "g", 1)
	const receivers, messages = 8, 400
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan delivery, messages)
	done := make(chan struct{}, receivers)
	for range receivers {
		go func() {
			defer func() { done <- struct{}{} }()
			for ctx.Err() == nil {
				impatient, stop := context.WithTimeout(ctx, 3*time.Millisecond)
				for _, d := range r.s.receive(impatient, w) {
					got <- d
				}
				stop()
			}
		}()
	}
	for i := range messages {
		r.send(wire(Normal, fmt.Sprint(i), "b"))
	}
	seen := map[string]bool{}
	for range messages {
		d := <-got
		require.False(t, seen[d.m.id])
		seen[d.m.id] = true
		require.Equal(t, v2.Code_OK, r.ack(d))
	}
	cancel()
	for range receivers {
		<-done
	}
	require.Empty(t, w.sub.waiters)
}

func TestGivenBackDeliveries(t *testing.T) {
	t.Parallel()
	r := newRig(t, Group{Name: "g"})
	w := r.want(Normal, "g", 10)
	w.invisible = time.Hour
	r.send(wire(Normal, "1", "a"))
	lost := r.take(w)
	r.s.update(func(now time.Time) { r.s.giveBack(lost, time.Second, now) })
	require.Equal(t, 1, r.virtual.tokens(), "nobody has asked for a pause")
	r.pass(time.Second)
	require.Equal(t, []string{"a"}, bodies(r.take(w)))
}
