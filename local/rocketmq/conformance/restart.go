package conformance

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/chuandao/qianfan/shared/clock"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
)

// RunRestart runs what outlives the broker. restart ends it without warning, starts it again at the same address, and returns when it
// answers. The topics and groups are those of Run.
func RunRestart(t *testing.T, endpoint string, env Env, restart func(context.Context) error) Table {
	t.Helper()
	s := newSuite(t, endpoint, env)
	conn, err := grpc.NewClient(endpoint, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	s.clients = &clients{conn: conn}
	s.play(t, "restart", []script{{"restart", func(s *scenario) { restartScript(s, restart) }}})
	return s.rows
}

// restartScript: what was acknowledged to a sender is there after a kill; what was acknowledged by a consumer may come again.
func restartScript(s *scenario, restart func(context.Context) error) {
	normal, delay, tx := s.topic("restart"), s.topic("restart-delay"), s.topic("restart-transaction")
	r := s.rawConsumer(s.group("restart"), normal)
	for i := range 6 {
		require.Equal(s, v2.Code_OK, r.send(r.message(normal, fmt.Sprint(i))).GetStatus().GetCode())
	}
	request := r.request(normal, 2)
	request.InvisibleDuration = durationpb.New(10 * time.Second)
	held := r.collectBy(request, 1)[0]
	later := r.message(delay, "later", due(clock.System.Now().Add(5*time.Second)))
	require.Equal(s, v2.Code_OK, r.send(later).GetStatus().GetCode())
	open := r.half(tx, "left open")
	stale := r.half(tx, "ended after")

	ctx, cancel := context.WithTimeout(s.Context(), 2*time.Minute)
	defer cancel()
	require.NoError(s, restart(ctx))

	// A real proxy keeps in memory what it needs to end a transaction by its sender; the check-back brings it anew.
	code := r.end(tx, stale, v2.TransactionResolution_COMMIT)
	s.saw("end what was sent before", code.String(), "OK", "INTERNAL_SERVER_ERROR")
	s.settle(tx, map[string]bool{open: false, stale: code == v2.Code_OK})

	fresh := s.rawConsumer(s.group("restart"), normal)
	s.saw("what comes", s.bodies(fresh, normal, 6), "0,1,2,3,4,5")
	delayed := s.rawConsumer(s.group("restart-delay"), delay)
	s.saw("what comes delayed", s.bodies(delayed, delay, 1), "later")
	transacted := s.rawConsumer(s.group("restart-transaction"), tx)
	s.saw("what comes of transactions", s.bodies(transacted, tx, 2), "ended after,left open")
	// The old delivery's time is over by now, or its broker is.
	s.saw("ack of a delivery from before", fresh.ack(normal, receipt(held)).GetStatus().GetCode().String(), "INVALID_RECEIPT_HANDLE", "OK")
}

// settle answers check-backs with commits until every one of the transactions has ended.
func (s *scenario) settle(topic string, ended map[string]bool) {
	s.Helper()
	c := s.rawChecker(topic)
	ctx, cancel := context.WithTimeout(s.Context(), patience)
	defer cancel()
	for slices.Contains(slices.Collect(maps.Values(ended)), false) {
		select {
		case orphan := <-c.orphans:
			id := orphan.GetTransactionId()
			if over, ours := ended[id]; ours && !over {
				ended[id] = c.end(topic, id, v2.TransactionResolution_COMMIT) == v2.Code_OK
			}
		case <-ctx.Done():
			require.FailNow(s, "check-backs are missing", "ended: %v", ended)
		}
	}
}

// bodies receives until it has seen n different messages, acknowledges all, and names their bodies in order.
func (s *scenario) bodies(r *raw, topic string, n int) string {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), patience)
	defer cancel()
	var seen []string
	for len(seen) < n {
		got, _ := r.receive(10*time.Second, r.request(topic, 32))
		for _, m := range got {
			if body := string(m.GetBody()); !slices.Contains(seen, body) {
				seen = append(seen, body)
			}
			require.Equal(s, v2.Code_OK, r.ack(topic, receipt(m)).GetStatus().GetCode())
		}
		require.NoError(s, ctx.Err(), "only %v came", seen)
	}
	slices.Sort(seen)
	return strings.Join(seen, ",")
}
