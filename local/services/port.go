package services

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
)

// Services listen on ports below those that systems hand out for ":0" and for outgoing connections, and below those of function
// instances: they open them seconds after our look, and nobody else may be handed one in between.
const (
	firstPort = 12000
	portSpan  = 3000
	portStep  = 131 // spreads the starts of processes that run side by side
)

// ports gives each service of this process other ports.
var ports = struct {
	sync.Mutex
	next int
}{next: os.Getpid() * portStep % portSpan}

// freePorts finds n neighbouring ports that nobody listens on, and returns the first.
func freePorts(ctx context.Context, n int) (int, error) {
	ports.Lock()
	defer ports.Unlock()
	var last error
	for range portSpan / n {
		if ports.next+n > portSpan {
			ports.next = 0
		}
		first := firstPort + ports.next
		ports.next += n
		if last = allFree(ctx, first, n); last == nil {
			return first, nil
		}
	}
	return 0, fmt.Errorf("find %d free ports: %w", n, last)
}

func allFree(ctx context.Context, first, n int) (err error) {
	for port := first; port < first+n; port++ {
		var config net.ListenConfig
		listener, listenErr := config.Listen(ctx, "tcp", net.JoinHostPort("0.0.0.0", strconv.Itoa(port)))
		if listenErr != nil {
			return errors.Join(err, listenErr)
		}
		err = errors.Join(err, listener.Close())
	}
	return err
}

// local is an address on the loopback interface.
func local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
