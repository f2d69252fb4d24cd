package rocketmq

import (
	"context"
	"net"
	"strconv"
	"sync"
	"time"

	"google.golang.org/grpc/metadata"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
)

// service is the protocol: it checks requests, asks the store and words the answers. Business errors travel as a status in
// an answer that is OK for gRPC; only Telemetry ends in gRPC errors.
type service struct {
	v2.UnimplementedMessagingServiceServer
	store   *store
	clients *clients
	hook    Hook
	addr    string
	// running is what Close waits for.
	running *sync.WaitGroup
}

const clientIDHeader = "x-mq-client-id"

// clientID is who calls, or empty.
func clientID(ctx context.Context) string {
	md, _ := metadata.FromIncomingContext(ctx)
	if ids := md.Get(clientIDHeader); len(ids) > 0 {
		return ids[0]
	}
	return ""
}

// admit notes the caller's sign of life. A call without a client id is refused with the status.
func (v *service) admit(ctx context.Context) (id string, refused *v2.Status) {
	if id = clientID(ctx); id == "" {
		return "", newStatus(v2.Code_CLIENT_ID_REQUIRED, "client id is required")
	}
	v.clients.touch(id)
	return id, nil
}

func okStatus() *v2.Status { return &v2.Status{Code: v2.Code_OK, Message: v2.Code_OK.String()} }

func newStatus(code v2.Code, message string) *v2.Status {
	return &v2.Status{Code: code, Message: message}
}

// statusOf words a bare code.
func statusOf(code v2.Code) *v2.Status { return newStatus(code, code.String()) }

// QueryRoute answers with the one queue of a topic. The request's endpoints are the route's: the client reached the broker
// by them.
func (v *service) QueryRoute(ctx context.Context, r *v2.QueryRouteRequest) (*v2.QueryRouteResponse, error) {
	_, refused := v.admit(ctx)
	var queue *v2.MessageQueue
	if refused == nil {
		queue, refused = v.queue(r.GetTopic(), r.GetEndpoints(), 0)
	}
	if refused != nil {
		return &v2.QueryRouteResponse{Status: refused}, nil
	}
	return &v2.QueryRouteResponse{Status: okStatus(), MessageQueues: []*v2.MessageQueue{queue}}, nil
}

// QueryAssignment gives a push consumer the queue of a topic: by number to an ordered group, as "any" to others. The answer
// is the same each time, which is how the client knows its queues.
func (v *service) QueryAssignment(ctx context.Context, r *v2.QueryAssignmentRequest) (*v2.QueryAssignmentResponse, error) {
	_, refused := v.admit(ctx)
	var queue *v2.MessageQueue
	if refused == nil {
		queue, refused = v.assigned(r)
	}
	if refused != nil {
		return &v2.QueryAssignmentResponse{Status: refused}, nil
	}
	return &v2.QueryAssignmentResponse{
		Status: okStatus(), Assignments: []*v2.Assignment{{MessageQueue: queue}},
	}, nil
}

func (v *service) assigned(r *v2.QueryAssignmentRequest) (*v2.MessageQueue, *v2.Status) {
	var group *Group
	id := int32(-1)
	v.store.update(func(time.Time) {
		if group = v.store.groups[r.GetGroup().GetName()]; group != nil && group.Ordered {
			id = 0
		}
	})
	if group == nil {
		return nil, newStatus(v2.Code_CONSUMER_GROUP_NOT_FOUND, "group not found: "+r.GetGroup().GetName())
	}
	return v.queue(r.GetTopic(), r.GetEndpoints(), id)
}

// queue describes the queue of a topic, or says why there is none.
func (v *service) queue(topic *v2.Resource, via *v2.Endpoints, id int32) (*v2.MessageQueue, *v2.Status) {
	name := topic.GetName()
	if why := badTopicName(name); why != "" {
		return nil, newStatus(v2.Code_ILLEGAL_TOPIC, why)
	}
	var kind TopicType
	v.store.update(func(time.Time) {
		if t := v.store.topics[name]; t != nil {
			kind = t.kind
		}
	})
	if kind == "" {
		return nil, newStatus(v2.Code_TOPIC_NOT_FOUND, "topic not found: "+name)
	}
	if len(via.GetAddresses()) == 0 {
		via = endpoints(v.addr)
	}
	return &v2.MessageQueue{
		Topic: &v2.Resource{Name: name}, Id: id, Permission: v2.Permission_READ_WRITE,
		Broker:             &v2.Broker{Name: brokerName, Endpoints: via},
		AcceptMessageTypes: acceptTypes(kind),
	}, nil
}

// endpoints words an address of this machine.
func endpoints(addr string) *v2.Endpoints {
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		return nil
	}
	port, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return nil
	}
	scheme := v2.AddressScheme_DOMAIN_NAME
	if ip := net.ParseIP(host); ip.To4() != nil {
		scheme = v2.AddressScheme_IPv4
	} else if ip != nil {
		scheme = v2.AddressScheme_IPv6
	}
	return &v2.Endpoints{Scheme: scheme, Addresses: []*v2.Address{{Host: host, Port: int32(port)}}}
}

// Heartbeat is OK for a client whose settings are known.
func (v *service) Heartbeat(ctx context.Context, _ *v2.HeartbeatRequest) (*v2.HeartbeatResponse, error) {
	id, refused := v.admit(ctx)
	switch {
	case refused != nil:
		return &v2.HeartbeatResponse{Status: refused}, nil
	case !v.clients.beat(id):
		return &v2.HeartbeatResponse{
			Status: newStatus(v2.Code_UNRECOGNIZED_CLIENT_TYPE, "client has sent no settings"),
		}, nil
	}
	return &v2.HeartbeatResponse{Status: okStatus()}, nil
}

// NotifyClientTermination forgets a client.
func (v *service) NotifyClientTermination(
	ctx context.Context, _ *v2.NotifyClientTerminationRequest,
) (*v2.NotifyClientTerminationResponse, error) {
	id := clientID(ctx)
	if id == "" {
		return &v2.NotifyClientTerminationResponse{
			Status: newStatus(v2.Code_CLIENT_ID_REQUIRED, "client id is required"),
		}, nil
	}
	v.clients.leave(id)
	return &v2.NotifyClientTerminationResponse{Status: okStatus()}, nil
}
