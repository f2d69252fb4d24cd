package rocketmq

import (
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
)

// BenchmarkRoundTrip is one message of 400 B sent, received and acknowledged, with batches of 32 on the receiving side.
func BenchmarkRoundTrip(b *testing.B) {
	for _, c := range []struct {
		name    string
		wal     bool
		sync    bool
		senders int
	}{
		{"memory", false, false, 8}, {"wal", true, false, 8}, {"sync", true, true, 32},
	} {
		b.Run(c.name, func(b *testing.B) {
			o := Options{Topics: allTopics, Groups: []Group{{Name: "g"}}, Sync: c.sync}
			if c.wal {
				o.WAL = filepath.Join(b.TempDir(), "broker.wal")
			}
			roundTrip(b, startBroker(b, o), c.senders)
		})
	}
}

func roundTrip(b *testing.B, broker *Broker, senders int) {
	consumer := dial(b, broker, "consumer")
	body := string(make([]byte, 400))
	b.ReportAllocs()
	b.ResetTimer()
	done := make(chan error, senders+1)
	var left atomic.Int64
	left.Store(int64(b.N))
	for i := range senders {
		p := dial(b, broker, fmt.Sprintf("p%d", i))
		go func() {
			for left.Add(-1) >= 0 {
				if err := p.trySend(p.message("NORMAL", body)); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	go func() { done <- consumer.drain("NORMAL", "g", b.N) }()
	for range senders + 1 {
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

func (p *peer) trySend(m *v2.Message) error {
	ctx, cancel := p.ctx()
	defer cancel()
	reply, err := p.stub.SendMessage(ctx, &v2.SendMessageRequest{Messages: []*v2.Message{m}})
	if err == nil && reply.GetStatus().GetCode() != v2.Code_OK {
		err = fmt.Errorf("send: %s", reply.GetStatus())
	}
	return err
}

// drain receives and acknowledges n messages.
func (p *peer) drain(topic, group string, n int) error {
	for n > 0 {
		ctx, cancel := p.ctx()
		got, _, err := p.tryReceive(ctx, topic, group, 32)
		if err == nil && len(got) > 0 {
			err = p.tryAck(ctx, got)
		}
		cancel()
		if err != nil {
			return err
		}
		n -= len(got)
	}
	return nil
}

func (p *peer) tryAck(ctx context.Context, messages []*v2.Message) error {
	request := &v2.AckMessageRequest{}
	for _, m := range messages {
		request.Entries = append(request.Entries, &v2.AckMessageEntry{
			ReceiptHandle: m.GetSystemProperties().GetReceiptHandle(),
		})
	}
	reply, err := p.stub.AckMessage(ctx, request)
	if err == nil && reply.GetStatus().GetCode() != v2.Code_OK {
		err = fmt.Errorf("ack: %s", reply.GetStatus())
	}
	return err
}
